// SPDX-License-Identifier: Apache-2.0
// Every kernel of every instruction set against plain loops: all block sizes, tile widths and channel
// ranges.

#include "delegate/cpu/kernels/kernels.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "delegate/weights/weights.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// One kernel applied to a random layer, lane rows `width` pixels wide.
class KernelRun {
 public:
  KernelRun(const BlockKernels& kernels, WrosKernel kernel, int width, int out_channels,
            double density)
      : kernel_(kernel),
        width_(width),
        layer_(MakeTestLayer(Pointwise(19, out_channels, kernels.block_size), density, true,
                             100 + out_channels)),
        weights_(KernelWeightsOf(layer_.Packed(), kernels.block_size)) {
    weights_.lanes.ForEach(
        [&](int32_t lane) { offsets_.push_back(lane * width_ * static_cast<int>(sizeof(float))); });
    offsets_.resize(offsets_.size() + kOffsetsBeyond, 0);
    for (int i = 0; i < 19 * width_; ++i) {
      input_.push_back(static_cast<float>(i * 37 % 101 - 50) / 8.0f);
    }
  }

  // Output rows of channels [begin, end); one guard row is checked for stray
  // writes.
  std::vector<float> Run(int begin, int end, float min, float max,
                         const std::vector<float>* residual = nullptr,
                         const std::vector<uint32_t>* mask = nullptr) const {
    constexpr float kGuard = 12345.0f;
    std::vector<float> output((end - begin + 1) * width_, kGuard);
    const int first = std::max(0, begin - weights_.block_size + 1);
    WrosArgs args;
    args.input = input_.data();
    args.output = output.data();
    args.output_stride = width_;
    args.residual = residual != nullptr ? residual->data() + begin * width_ : nullptr;
    args.residual_stride = width_;
    const std::vector<uint32_t> all_pixels(kMaxTilePixels, ~0u);
    args.mask = mask != nullptr ? mask->data() : all_pixels.data();
    args.counts = weights_.counts.data() + first;
    args.offsets = offsets_.data() + weights_.first_block[first];
    args.values = weights_.values + weights_.first_block[first] * weights_.block_size;
    args.bias = weights_.bias.data() + begin;
    args.channel_begin = begin;
    args.channel_end = end;
    args.min = min;
    args.max = max;
    kernel_(args);
    for (int p = 0; p < width_; ++p) {
      EXPECT_EQ(output[(end - begin) * width_ + p], kGuard);
    }
    output.resize((end - begin) * width_);
    return output;
  }

  double Expected(int channel, int pixel) const {
    double sum = layer_.bias[channel];
    for (int lane = 0; lane < 19; ++lane) {
      sum += double{layer_.dense[lane * channels() + channel]} * input_[lane * width_ + pixel];
    }
    return sum;
  }

  int channels() const { return layer_.attributes.out_channels; }
  std::vector<float>& input() { return input_; }

 private:
  WrosKernel kernel_;
  int width_;
  TestLayer layer_;
  KernelWeights weights_;
  std::vector<int32_t> offsets_;
  std::vector<float> input_;
};

struct Case {
  const InstructionSet* isa;
  const BlockKernels* kernels;
  int vectors;  // 0: the single-pixel kernel

  WrosKernel kernel() const { return vectors ? kernels->tile[vectors - 1] : kernels->pixel; }
  int width() const { return vectors ? vectors * isa->vector_width : 1; }
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.isa->name << " N=" << c.kernels->block_size << " V=" << c.vectors;
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (!isa->supported()) continue;
    for (int k = 0; k < isa->num_kernels; ++k) {
      for (int v = 0; v <= isa->kernels[k].max_vectors; ++v) {
        cases.push_back({isa, &isa->kernels[k], v});
      }
    }
  }
  return cases;
}

std::string Name(const testing::TestParamInfo<Case>& info) {
  return std::string(info.param.isa->name) + "_N" + std::to_string(info.param.kernels->block_size) +
         "_V" + std::to_string(info.param.vectors);
}

class KernelsTest : public testing::TestWithParam<Case> {
 protected:
  KernelRun MakeRun(int out_channels, double density) const {
    return KernelRun(*GetParam().kernels, GetParam().kernel(), GetParam().width(), out_channels,
                     density);
  }
  int n() const { return GetParam().kernels->block_size; }
};

TEST_P(KernelsTest, ComputesTheLayer) {
  for (const int channels : {n(), n() + 1, 2 * n() - 1, 3 * n() + n() / 2}) {
    for (const double density : {0.0, 0.1, 1.0}) {
      const KernelRun run = MakeRun(channels, density);
      const std::vector<float> output = run.Run(0, channels, -kInfinity, kInfinity);
      for (int c = 0; c < channels; ++c) {
        for (int p = 0; p < GetParam().width(); ++p) {
          EXPECT_NEAR(output[c * GetParam().width() + p], run.Expected(c, p), 1e-4)
              << "channel " << c << " of " << channels << ", pixel " << p;
        }
      }
    }
  }
}

TEST_P(KernelsTest, RangesAreBitEqualToTheWhole) {
  const int channels = 5 * n() + n() / 2;
  const KernelRun run = MakeRun(channels, 0.4);
  const std::vector<float> whole = run.Run(0, channels, -2.0f, 3.0f);
  for (int begin = 0; begin < channels; begin += n()) {
    for (const int end : {std::min(begin + n(), channels), channels}) {
      const std::vector<float> part = run.Run(begin, end, -2.0f, 3.0f);
      for (size_t i = 0; i < part.size(); ++i) {
        ASSERT_EQ(part[i], whole[begin * GetParam().width() + i])
            << "range " << begin << ".." << end;
      }
    }
  }
}

TEST_P(KernelsTest, AddsTheResidualBeforeTheActivationAndMasksAfterIt) {
  if (GetParam().vectors == 0) return;  // a single pixel is never stored into planes
  const int channels = 2 * n() + 1;
  const int width = GetParam().width();
  KernelRun run = MakeRun(channels, 0.5);
  std::vector<float> residual(channels * width);
  for (size_t i = 0; i < residual.size(); ++i) residual[i] = static_cast<float>(i % 7) - 3.0f;
  std::vector<uint32_t> mask(width, ~0u);
  for (int p = 1; p < width; p += 3) mask[p] = 0;
  run.input()[1] = std::numeric_limits<float>::quiet_NaN();  // where the mask is zero
  const std::vector<float> output = run.Run(0, channels, 0.0f, 6.0f, &residual, &mask);
  for (int c = 0; c < channels; ++c) {
    for (int p = 0; p < width; ++p) {
      const int i = c * width + p;
      const double sum = run.Expected(c, p) + residual[i];
      EXPECT_NEAR(output[i], mask[p] ? std::min(6.0, std::max(0.0, sum)) : 0.0, 1e-4);
    }
  }
}

TEST_P(KernelsTest, ClampsAndKeepsNaN) {
  const int channels = 2 * n();
  KernelRun run = MakeRun(channels, 1.0);
  run.input()[0] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> output = run.Run(0, channels, -1.0f, 1.0f);
  for (int c = 0; c < channels; ++c) {
    EXPECT_TRUE(std::isnan(output[c * GetParam().width()]));
    for (int p = 1; p < GetParam().width(); ++p) {
      const double clamped = std::min(1.0, std::max(-1.0, run.Expected(c, p)));
      EXPECT_NEAR(output[c * GetParam().width() + p], clamped, 1e-4);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KernelsTest, testing::ValuesIn(AllCases()), Name);

TEST(KernelFamiliesTest, ArePortableLastAndHaveBlockSizeOneFirst) {
  ASSERT_FALSE(AllInstructionSets().empty());
  EXPECT_STREQ(AllInstructionSets().back()->name, "portable");
  EXPECT_TRUE(AllInstructionSets().back()->supported());
  for (const InstructionSet* isa : AllInstructionSets()) {
    EXPECT_EQ(isa->kernels[0].block_size, 1) << isa->name;
    for (const int n : {1, 2, 4, 8, 16}) {
      const int found = isa->KernelsFor(n).block_size;
      EXPECT_LE(found, n);
      EXPECT_EQ(n % found, 0);
    }
  }
}

TEST(KernelFamiliesTest, AreFoundByName) {
  EXPECT_EQ(FindInstructionSet(BestInstructionSet().name), &BestInstructionSet());
  EXPECT_EQ(FindInstructionSet("mmx"), nullptr);
}

}  // namespace
}  // namespace ubp
