// SPDX-License-Identifier: Apache-2.0
// Prepared convolutions against a dense convolution in double precision: kernels, strides, padding,
// batches, threads.

#include "delegate/cpu/operators/convolution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "gtest/gtest.h"
#include "tests/cpp/conv_cases.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

std::vector<float> RandomInput(const Geometry& g) {
  std::vector<float> input(int64_t{g.batch} * g.in_h * g.in_w * g.in_c);
  uint32_t state = 12345;
  for (float& value : input) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(state) >> 16) / 8192.0f;
  }
  return input;
}

// TensorFlow's definition of padding, written down independently.
int LeadingPadding(Padding padding, int in, int out, int kernel, int stride, int dilation) {
  if (padding == Padding::kValid) return 0;
  return std::max((out - 1) * stride + (kernel - 1) * dilation + 1 - in, 0) / 2;
}

std::vector<double> DenseConvolution(const Geometry& g, const TestLayer& layer,
                                     const ConvShape& shape, const std::vector<float>& input) {
  std::vector<double> output(shape.out_pixels() * g.out_c);
  const int top =
      LeadingPadding(g.padding, g.in_h, shape.out_h, g.kernel_h, g.stride_h, g.dilation_h);
  const int left =
      LeadingPadding(g.padding, g.in_w, shape.out_w, g.kernel_w, g.stride_w, g.dilation_w);
  const auto pixel = [&](int b, int y, int x, int c) -> double {
    if (y < 0 || y >= g.in_h || x < 0 || x >= g.in_w) return 0.0;
    return input[((int64_t{b} * g.in_h + y) * g.in_w + x) * g.in_c + c];
  };
  size_t i = 0;
  for (int b = 0; b < g.batch; ++b) {
    for (int y = 0; y < shape.out_h; ++y) {
      for (int x = 0; x < shape.out_w; ++x) {
        for (int c = 0; c < g.out_c; ++c, ++i) {
          double sum = layer.bias.empty() ? 0.0 : layer.bias[c];
          int lane = 0;
          for (int ky = 0; ky < g.kernel_h; ++ky) {
            for (int kx = 0; kx < g.kernel_w; ++kx) {
              for (int k = 0; k < g.in_c; ++k, ++lane) {
                sum += double{layer.dense[int64_t{lane} * g.out_c + c]} *
                       pixel(b, y * g.stride_h + ky * g.dilation_h - top,
                             x * g.stride_w + kx * g.dilation_w - left, k);
              }
            }
          }
          output[i] = sum;
        }
      }
    }
  }
  return output;
}

// The forms in which a convolution gets its tensors and weights.
struct Forms {
  bool planes_in = false;
  bool planes_out = false;
  bool dense = false;
};

// A channel-major copy of an NHWC tensor.
AlignedBuffer ToPlanes(const PlaneTensor& tensor, const std::vector<float>& image) {
  AlignedBuffer planes(tensor.geometry.floats(int64_t{tensor.batch} * tensor.channels));
  ThreadPool pool(1);
  ImageToPlanes(tensor, image.data(), planes.data(), &pool);
  return planes;
}

// The NHWC copy of a channel-major tensor; expects zeros wherever there is no pixel.
std::vector<float> ToImage(const PlaneTensor& tensor, const AlignedBuffer& planes) {
  const PlaneGeometry& g = tensor.geometry;
  std::vector<float> image(int64_t{tensor.batch} * g.height * g.width * tensor.channels);
  ThreadPool pool(1);
  PlanesToImage(tensor, planes.data(), image.data(), &pool);
  EXPECT_EQ(std::count_if(planes.data(), planes.data() + planes.bytes() / sizeof(float),
                          [](float value) { return value != 0.0f; }),
            std::count_if(image.begin(), image.end(), [](float value) { return value != 0.0f; }));
  return image;
}

// instruction set == nullptr: the reference.
std::vector<float> RunConvolution(const TestLayer& layer, const ConvShape& shape,
                                  const InstructionSet* isa, int threads,
                                  const std::vector<float>& input, Forms forms = {}) {
  std::vector<float> transposed;
  LayerWeights weights = forms.dense ? layer.Dense(&transposed) : layer.Packed();
  if (forms.dense) weights.dense.block_size = layer.attributes.block_size;
  PlaneTensor in{GeometryFor(shape, true), shape.batch, shape.in_c};
  PlaneTensor out{GeometryFor(shape, false), shape.batch, shape.out_c};
  ConvLayout layout;
  if (forms.planes_in) layout.input = in.geometry;
  if (forms.planes_out) layout.output = out.geometry;
  std::unique_ptr<Convolution> convolution;
  const PackedLayerWeights packed = PackedOf(weights, isa);
  Status status = Status::Ok();
  if (isa == nullptr) {
    convolution = MakeReferenceConvolution(packed, shape);
  } else {
    status = MakeWrosConvolution(packed, shape, layout, *isa, threads, &convolution);
  }
  EXPECT_TRUE(status.ok()) << status.message();
  // Scratch memory is not clean: another layer has used it before.
  AlignedBuffer scratch(convolution->scratch_floats());
  std::fill_n(scratch.data(), convolution->scratch_floats(),
              std::numeric_limits<float>::quiet_NaN());
  ThreadPool pool(threads);
  std::vector<float> output(shape.out_pixels() * shape.out_c, -999.0f);
  const AlignedBuffer in_planes = ToPlanes(in, input);
  const AlignedBuffer out_planes(out.geometry.floats(int64_t{shape.batch} * shape.out_c));
  ConvBuffers buffers;
  buffers.input = forms.planes_in ? in_planes.data() : input.data();
  buffers.output = forms.planes_out ? out_planes.data() : output.data();
  buffers.scratch = scratch.data();
  convolution->Run(buffers, &pool);
  const std::vector<float> first = forms.planes_out ? ToImage(out, out_planes) : output;
  convolution->Run(buffers, &pool);
  EXPECT_EQ(first, forms.planes_out ? ToImage(out, out_planes) : output)
      << "a second run gives another result";
  return first;
}

std::vector<const InstructionSet*> FamiliesAndReference() {
  std::vector<const InstructionSet*> isas = {nullptr};
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (isa->supported()) isas.push_back(isa);
  }
  return isas;
}

class ConvolutionTest : public testing::TestWithParam<std::tuple<Geometry, int>> {};

TEST_P(ConvolutionTest, EqualsTheDenseConvolutionForAnyNumberOfThreads) {
  const auto& [g, block_size] = GetParam();
  const std::vector<float> input = RandomInput(g);
  for (const double density : {0.05, 0.4}) {
    const TestLayer layer = MakeTestLayer(SpecOf(g, block_size), density, true, 42);
    ConvShape shape;
    ASSERT_TRUE(MakeConvShape(layer.attributes, g.batch, g.in_h, g.in_w, &shape).ok());
    const std::vector<double> expected = DenseConvolution(g, layer, shape, input);
    for (const InstructionSet* isa : FamiliesAndReference()) {
      const std::vector<float> output = RunConvolution(layer, shape, isa, 1, input);
      for (size_t i = 0; i < output.size(); ++i) {
        ASSERT_NEAR(output[i], expected[i], 1e-3)
            << (isa ? isa->name : "reference") << ", element " << i;
      }
      for (const int threads : {2, 3, 5}) {
        ASSERT_EQ(output, RunConvolution(layer, shape, isa, threads, input))
            << (isa ? isa->name : "reference") << ", " << threads << " threads";
      }
    }
  }
}

TEST_P(ConvolutionTest, GivesTheSameInEveryForm) {
  const auto& [g, block_size] = GetParam();
  const std::vector<float> input = RandomInput(g);
  const TestLayer layer = MakeTestLayer(SpecOf(g, block_size), 0.3, true, 41);
  ConvShape shape;
  ASSERT_TRUE(MakeConvShape(layer.attributes, g.batch, g.in_h, g.in_w, &shape).ok());
  const std::vector<double> expected = DenseConvolution(g, layer, shape, input);
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (!isa->supported()) continue;
    for (const Forms forms :
         {Forms{true, false, false}, Forms{false, true, false}, Forms{true, true, false},
          Forms{true, true, true}, Forms{false, false, true}}) {
      const std::vector<float> output = RunConvolution(layer, shape, isa, 1, input, forms);
      for (size_t i = 0; i < output.size(); ++i) {
        ASSERT_NEAR(output[i], expected[i], 1e-3) << isa->name << ", element " << i;
      }
      ASSERT_EQ(output, RunConvolution(layer, shape, isa, 3, input, forms)) << isa->name;
    }
  }
}

std::string Name(const testing::TestParamInfo<std::tuple<Geometry, int>>& info) {
  return std::string(std::get<0>(info.param).name) + "_N" + std::to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(All, ConvolutionTest,
                         testing::Combine(testing::ValuesIn(kGeometries),
                                          testing::Values(1, 2, 4, 8, 16)),
                         Name);

TEST(ConvolutionValuesTest, AppliesActivationsAndPropagatesInfinity) {
  const Geometry g{"", 5, 5, 8, 16, 3, 3, 1, 1, 1, 1, kSame};
  std::vector<float> input = RandomInput(g);
  input[3 * 8] = std::numeric_limits<float>::infinity();
  input[20 * 8] = 1e30f;
  for (const Activation activation :
       {Activation::kNone, Activation::kRelu, Activation::kReluN1To1, Activation::kRelu6}) {
    LayerAttributes spec = SpecOf(g, 4);
    spec.activation = activation;
    const TestLayer layer = MakeTestLayer(spec, 0.5, false, 43);
    ConvShape shape;
    ASSERT_TRUE(MakeConvShape(layer.attributes, 1, 5, 5, &shape).ok());
    const std::vector<float> expected = RunConvolution(layer, shape, nullptr, 1, input);
    const ActivationRange range = RangeOf(activation);
    for (const float value : expected) {
      EXPECT_TRUE(std::isnan(value) || (value >= range.min && value <= range.max));
    }
    for (const InstructionSet* isa : FamiliesAndReference()) {
      const std::vector<float> output = RunConvolution(layer, shape, isa, 2, input);
      for (size_t i = 0; i < output.size(); ++i) {
        if (std::isfinite(expected[i])) {
          ASSERT_NEAR(output[i], expected[i], 1e-4f + 1e-5f * std::fabs(expected[i]));
        } else {
          ASSERT_EQ(std::isnan(output[i]), std::isnan(expected[i]));
          ASSERT_EQ(std::isinf(output[i]), std::isinf(expected[i]));
        }
      }
    }
  }
}

TEST(ConvolutionValuesTest, AcceptsSixteenBitValues) {
  const Geometry g{"", 6, 6, 8, 24, 3, 3, 1, 1, 1, 1, kSame};
  const std::vector<float> input = RandomInput(g);
  for (const int n : {4, 16}) {
    LayerAttributes spec = SpecOf(g, n);
    const TestLayer exact = MakeTestLayer(spec, 0.4, true, 44);
    ConvShape shape;
    ASSERT_TRUE(MakeConvShape(exact.attributes, 1, 6, 6, &shape).ok());
    for (const ValueType type : {ValueType::kFloat16, ValueType::kBfloat16}) {
      spec.value_type = type;
      const TestLayer narrow = MakeTestLayer(spec, 0.4, true, 44);
      ASSERT_LT(narrow.packed.size(), exact.packed.size());
      for (const InstructionSet* isa : FamiliesAndReference()) {
        EXPECT_EQ(RunConvolution(narrow, shape, isa, 1, input),
                  RunConvolution(exact, shape, isa, 1, input));
      }
    }
  }
}

// As float32: weights are the stored numbers times their scales.
TEST(ConvolutionValuesTest, AcceptsInt8ValuesInBlocksOfOneLaneAndOfFour) {
  const Geometry g{"", 6, 6, 8, 24, 3, 3, 1, 1, 1, 1, kSame};
  const std::vector<float> input = RandomInput(g);
  for (const int n : {1, 2, 8}) {
    for (const int block_lanes : {1, 4}) {
      LayerAttributes spec = SpecOf(g, n);
      spec.value_type = ValueType::kInt8;
      spec.block_lanes = block_lanes;
      const TestLayer layer = MakeTestLayer(spec, 0.3, true, 45);
      ConvShape shape;
      ASSERT_TRUE(MakeConvShape(layer.attributes, 1, 6, 6, &shape).ok());
      const std::vector<double> expected = DenseConvolution(g, layer, shape, input);
      for (const InstructionSet* isa : FamiliesAndReference()) {
        const std::vector<float> output = RunConvolution(layer, shape, isa, 2, input);
        for (size_t i = 0; i < output.size(); ++i) {
          ASSERT_NEAR(output[i], expected[i], 1e-4f + 1e-5f * std::fabs(expected[i]));
        }
      }
    }
  }
}

TEST(VectorConvolutionTest, EqualsTheDenseConvolution) {
  for (const int in_c : {1, 15, 33, 130}) {
    for (const int batch : {1, 3}) {
      const Geometry g{"", 1, 1, in_c, 71, 1, 1, 1, 1, 1, 1, kValid, batch};
      const std::vector<float> input = RandomInput(g);
      LayerAttributes spec = SpecOf(g, 1);
      spec.activation = Activation::kRelu;
      const TestLayer layer = MakeTestLayer(spec, 1.0, in_c != 15, 46);
      ConvShape shape;
      ASSERT_TRUE(MakeConvShape(spec, batch, 1, 1, &shape).ok());
      const std::vector<double> expected = DenseConvolution(g, layer, shape, input);
      std::vector<float> transposed;
      const LayerWeights weights = layer.Dense(&transposed);
      ASSERT_TRUE(SuitsVectorConvolution(weights, shape));
      EXPECT_FALSE(SuitsVectorConvolution(layer.Packed(), shape));
      for (const InstructionSet* isa : AllInstructionSets()) {
        if (!isa->supported()) continue;
        std::vector<float> output(expected.size());
        ConvBuffers buffers;
        buffers.input = input.data();
        buffers.output = output.data();
        ThreadPool pool(2);
        MakeVectorConvolution(weights, shape, RowFunction(), *isa)->Run(buffers, &pool);
        for (size_t i = 0; i < output.size(); ++i) {
          ASSERT_NEAR(output[i], std::max(0.0, expected[i]), 1e-3) << isa->name;
        }
      }
    }
  }
}

TEST(ConvShapeTest, RefusesWhatCannotBeComputed) {
  LayerAttributes spec = Pointwise(4, 8, 4);
  spec.kernel_h = spec.kernel_w = 5;
  ConvShape shape;
  EXPECT_FALSE(MakeConvShape(spec, 1, 3, 9, &shape).ok());
  EXPECT_TRUE(MakeConvShape(spec, 1, 4, 9, &shape).ok());
  EXPECT_EQ(shape.out_h, 0);  // as in TensorFlow Lite
  EXPECT_FALSE(MakeConvShape(spec, -1, 9, 9, &shape).ok());
  EXPECT_TRUE(MakeConvShape(spec, 1, 5, 5, &shape).ok());
  EXPECT_FALSE(MakeConvShape(spec, 1, 1 << 15, 1 << 15, &shape).ok());
}

TEST(ConvShapeTest, RefusesPlanesBeyondThirtyTwoBitOffsets) {
  LayerAttributes spec = Pointwise(1 << 14, 4, 4);
  spec.kernel_h = spec.kernel_w = 3;
  spec.padding = kSame;
  const TestLayer layer = MakeTestLayer(spec, 0.0005, false, 45);
  ConvShape shape;
  ASSERT_TRUE(MakeConvShape(spec, 1, 200, 200, &shape).ok());
  std::unique_ptr<Convolution> convolution;
  const PackedLayerWeights weights = PackedOf(layer.Packed(), &BestInstructionSet());
  const Status status =
      MakeWrosConvolution(weights, shape, ConvLayout(), BestInstructionSet(), 1, &convolution);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("2 GiB"), std::string::npos);
}

}  // namespace
}  // namespace ubp
