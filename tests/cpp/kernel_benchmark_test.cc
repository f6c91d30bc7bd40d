// SPDX-License-Identifier: Apache-2.0
// The program that times single layers: it runs the layer it is told to run, and says what is wrong
// with a command. No timing is asserted.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/bench/commands.h"
#include "delegate/bench/fma_loop.h"
#include "delegate/bench/layer_case.h"
#include "delegate/bench/stream_loop.h"
#include "delegate/cpu/operators/convolution.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

struct Case {
  const char* name;
  int in_h, in_w, in_c, out_c, kernel, stride;
  Padding padding;
  bool image_input;
};

constexpr Case kCases[] = {
    {"pointwise", 9, 7, 12, 20, 1, 1, Padding::kValid, false},
    {"k3", 9, 7, 6, 20, 3, 1, Padding::kSame, false},
    {"k5_valid", 9, 11, 6, 20, 5, 1, Padding::kValid, false},
    {"pointwise_stride2", 10, 8, 12, 20, 1, 2, Padding::kValid, false},
    {"stem", 20, 21, 3, 16, 7, 2, Padding::kSame, true},
    {"pixel", 1, 1, 33, 20, 1, 1, Padding::kValid, false},
};

TestLayer LayerOf(const Case& c, double density, uint32_t seed) {
  LayerAttributes spec = Pointwise(c.in_c, c.out_c, 4);
  spec.kernel_h = spec.kernel_w = c.kernel;
  spec.stride_h = spec.stride_w = c.stride;
  spec.padding = c.padding;
  return MakeTestLayer(spec, density, false, seed);
}

void WriteBytes(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Writes the files of a variant; returns their stem.
std::string WriteLayer(const std::string& name, const TestLayer& layer) {
  const char* const folder = std::getenv("TEST_TMPDIR");
  const std::string stem = std::string(folder == nullptr ? "." : folder) + "/" + name;
  WriteBytes(stem + ".options", layer.options);
  WriteBytes(stem + ".packed", layer.packed);
  return stem;
}

LayerCaseSpec SpecOf(const Case& c, const InstructionSet* isa, int threads) {
  LayerCaseSpec spec;
  spec.isa = isa;
  spec.threads = threads;
  spec.in_h = c.in_h;
  spec.in_w = c.in_w;
  spec.image_input = c.image_input;
  return spec;
}

std::vector<float> Reference(const TestLayer& layer, const LayerCase& layer_case) {
  const ConvShape& shape = layer_case.shape();
  std::vector<float> output(shape.out_pixels() * shape.out_c);
  ThreadPool pool(1);
  ConvBuffers buffers;
  buffers.input = layer_case.input().data();
  buffers.output = output.data();
  MakeReferenceConvolution(PackedOf(layer.Packed(), nullptr), shape)->Run(buffers, &pool);
  return output;
}

class LayerCaseTest : public testing::TestWithParam<Case> {};

TEST_P(LayerCaseTest, EachVariantComputesItsLayer) {
  const Case& c = GetParam();
  const TestLayer layers[] = {LayerOf(c, 0.3, 1), LayerOf(c, 0.1, 2)};
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (!isa->supported()) continue;
    LayerCaseSpec spec = SpecOf(c, isa, 2);
    for (const TestLayer& layer : layers) {
      spec.stems.push_back(WriteLayer(c.name + std::to_string(spec.stems.size()), layer));
    }
    std::unique_ptr<LayerCase> layer_case;
    const Status status = LayerCase::Make(spec, &layer_case);
    ASSERT_TRUE(status.ok()) << status.message();
    for (const int variant : {1, 0}) {
      layer_case->Run(variant);
      const std::vector<float> output = layer_case->Output();
      const std::vector<float> expected = Reference(layers[variant], *layer_case);
      ASSERT_EQ(output.size(), expected.size());
      for (size_t i = 0; i < output.size(); ++i) {
        ASSERT_NEAR(output[i], expected[i], 1e-4) << isa->name << ", element " << i;
      }
      EXPECT_EQ(layer_case->multiply_adds(variant),
                static_cast<int64_t>(layers[variant].blocks.size()) * 4 *
                    layer_case->shape().out_pixels());
    }
  }
}

TEST(LayerCaseShapeTest, StridedPointwiseLayersReadOnlyWhatTheyNeed) {
  const Case& c = kCases[3];
  LayerCaseSpec spec = SpecOf(c, &BestInstructionSet(), 1);
  spec.stems = {WriteLayer("strided", LayerOf(c, 0.3, 1))};
  std::unique_ptr<LayerCase> layer_case;
  ASSERT_TRUE(LayerCase::Make(spec, &layer_case).ok());
  const ConvShape& shape = layer_case->shape();
  EXPECT_TRUE(shape.pointwise());
  EXPECT_EQ(shape.out_h, 5);
  EXPECT_EQ(shape.out_w, 4);
}

INSTANTIATE_TEST_SUITE_P(All, LayerCaseTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(LayerCaseErrorsTest, NamesTheFileThatIsWrong) {
  const Case& c = kCases[0];
  const std::string good = WriteLayer("good", LayerOf(c, 0.3, 1));
  const std::string other = WriteLayer("other", LayerOf(kCases[1], 0.3, 1));
  TestLayer damaged_layer = LayerOf(c, 0.3, 1);
  damaged_layer.packed.back() ^= 1;
  const std::string damaged = WriteLayer("damaged", damaged_layer);
  for (const auto& [stem, message] : {std::pair(good + "_none", "_none.options: cannot be opened"),
                                      std::pair(other, "other: its shape is not"),
                                      std::pair(damaged, "damaged: the packed weights")}) {
    LayerCaseSpec spec = SpecOf(c, &BestInstructionSet(), 1);
    spec.stems = {good, stem};
    std::unique_ptr<LayerCase> layer_case;
    const Status status = LayerCase::Make(spec, &layer_case);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
  }
}

TEST(FmaLoopTest, EveryFamilyHasOne) {
  for (const InstructionSet* isa : AllInstructionSets()) {
    const FmaLoop* const loop = FindFmaLoop(isa->name);
    ASSERT_NE(loop, nullptr) << isa->name;
    EXPECT_EQ(loop->multiply_adds % isa->vector_width, 0);
    if (!isa->supported()) continue;
    // Each sum tends to 1, from its number on.
    const int sums = loop->multiply_adds / isa->vector_width;
    EXPECT_EQ(loop->run(0), sums * (sums - 1) / 2.0f);
    EXPECT_FLOAT_EQ(loop->run(100), static_cast<float>(sums));
  }
}

TEST(StreamLoopsTest, ReadWriteAndCopyAllOfTheMemory) {
  constexpr size_t kFloats = 3 * kStreamUnit;
  for (const InstructionSet* isa : AllInstructionSets()) {
    const StreamLoops* const loops = FindStreamLoops(isa->name);
    ASSERT_NE(loops, nullptr) << isa->name;
    if (!isa->supported()) continue;
    AlignedBuffer from(kFloats), to(kFloats + 1);
    for (size_t i = 0; i < kFloats; ++i) from.data()[i] = static_cast<float>(i);
    EXPECT_EQ(loops->load(from.data(), kFloats), kFloats * (kFloats - 1) / 2.0f) << isa->name;
    loops->copy(from.data(), to.data(), kFloats);
    EXPECT_TRUE(std::equal(from.data(), from.data() + kFloats, to.data())) << isa->name;
    loops->store(to.data(), kFloats, 7.0f);
    EXPECT_EQ(std::count(to.data(), to.data() + kFloats, 7.0f), kFloats) << isa->name;
    EXPECT_EQ(to.data()[kFloats], 0.0f) << isa->name;
  }
  EXPECT_EQ(FindStreamLoops("sse"), nullptr);
}

TEST(CommandsTest, TimesLoopsWithoutALayer) {
  const std::string isa = BestInstructionSet().name;
  Commands commands;
  const auto ends_with = [&](const std::string& command, const std::string& end) {
    const std::string answer = commands.Execute(command);
    const bool ends = answer.size() > end.size() &&
                      answer.compare(answer.size() - end.size(), end.size(), end) == 0;
    EXPECT_TRUE(ends) << answer;
  };
  // 228 times 4608 bytes, 1024 times 1024, and 512 times 2048.
  ends_with("stream " + isa + " load 5000 0.1", "\"bytes\": 1050624}");
  ends_with("stream " + isa + " store 1024 0.1", "\"bytes\": 1048576}");
  ends_with("stream " + isa + " copy 5000 0.1", "\"bytes\": 1048576}");
  ends_with(
      "fma " + isa + " 0.1",
      "\"multiply_adds\": " + std::to_string(4096 * FindFmaLoop(isa.c_str())->multiply_adds) + "}");
}

TEST(CommandsTest, TimesALayerAndThePeak) {
  const std::string stem = WriteLayer("commands", LayerOf(kCases[1], 0.3, 1));
  const std::string isa = BestInstructionSet().name;
  Commands commands;
  const std::string layer = commands.Execute("layer " + isa + " 2 9 7 planes " + stem);
  EXPECT_EQ(layer.find("{\"multiply_adds\": ["), 0u) << layer;
  const std::string time = commands.Execute("time 0 0.1");
  EXPECT_EQ(time.find("{\"ns\": "), 0u) << time;
  EXPECT_EQ(time.back(), '}');
  const std::string peak = commands.Execute("peak 0.1");
  EXPECT_NE(peak.find("\"multiply_adds\": "), std::string::npos) << peak;
}

TEST(CommandsTest, SaysWhatIsWrong) {
  const std::string isa = BestInstructionSet().name;
  const std::pair<std::string, std::string> kWrong[] = {
      {"", "there is no command ''"},
      {"tame 0 1", "there is no command 'tame'"},
      {"time 0 1", "there is no variant 0"},
      {"time 0", "malformed"},
      {"peak 1", "there is no layer yet"},
      {"fma sse 1", "no kernels for 'sse'"},
      {"fma " + isa, "malformed"},
      {"stream sse load 4096 1", "no kernels for 'sse'"},
      {"stream " + isa + " move 4096 1", "malformed"},
      {"stream " + isa + " copy 1023 1", "malformed"},
      {"stream " + isa + " load 8589934592 1", "malformed"},
      {"layer sse 1 9 7 planes x", "no kernels for 'sse'"},
      {"layer " + isa + " 0 9 7 planes x", "malformed"},
      {"layer " + isa + " 1 9 7 rows x", "malformed"},
      {"layer " + isa + " 1 9 7 planes", "at least one variant"},
      {"layer " + isa + " 1 9 7 planes no\"where", "no\\\"where.options: cannot be opened"},
  };
  for (const auto& [command, message] : kWrong) {
    const std::string answer = Commands().Execute(command);
    EXPECT_EQ(answer.find("{\"error\": \""), 0u) << answer;
    EXPECT_NE(answer.find(message), std::string::npos) << answer;
  }
}

}  // namespace
}  // namespace ubp
