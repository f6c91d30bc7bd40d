// SPDX-License-Identifier: Apache-2.0
// Layer normalisation as an operator, in both forms and every instruction set, compared with double precision.

#include "delegate/cpu/operators/layer_norm.h"

#include <cmath>
#include <limits>
#include <vector>

#include "delegate/graph/activation_range.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Shape {
  int batch, height, width, channels;
  int64_t pixels() const { return int64_t{batch} * height * width; }
};

LayerNormOp NormOf(int channels, float epsilon) {
  LayerNormOp norm;
  norm.rank = 4;
  norm.epsilon = epsilon;
  for (int c = 0; c < channels; ++c) {
    norm.channels.scale.push_back(0.5f + 0.25f * static_cast<float>(c % 5));
    norm.channels.offset.push_back(static_cast<float>(c % 7) - 3.0f);
  }
  return norm;
}

// Of an image of the shape: `mean` and what is around it.
std::vector<float> Drawn(const Shape& shape, float mean, float scale) {
  std::vector<float> values(shape.pixels() * shape.channels);
  uint32_t state = 12345;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = mean + scale * static_cast<float>(static_cast<int32_t>(state) >> 16) / 32768.0f;
  }
  return values;
}

std::vector<double> Expected(const LayerNormOp& norm, const std::vector<float>& input, int channels,
                             ActivationRange range) {
  std::vector<double> output;
  for (size_t first = 0; first < input.size(); first += channels) {
    double mean = 0.0, variance = 0.0;
    for (int c = 0; c < channels; ++c) mean += double{input[first + c]} / channels;
    for (int c = 0; c < channels; ++c) variance += std::pow(input[first + c] - mean, 2) / channels;
    for (int c = 0; c < channels; ++c) {
      const double y =
          (input[first + c] - mean) / std::sqrt(variance + norm.epsilon) * norm.channels.scale[c] +
          norm.channels.offset[c];
      output.push_back(std::isnan(y) ? y : std::fmin(range.max, std::fmax(range.min, y)));
    }
  }
  return output;
}

std::vector<float> RunImage(const LayerNormOp& norm, const Shape& shape,
                            const std::vector<float>& input, ActivationRange range,
                            const InstructionSet& isa, int threads) {
  std::vector<float> output(input.size(), kNan);
  ThreadPool pool(threads);
  LayerNorm(norm, Dims{shape.batch, shape.height, shape.width, shape.channels}, range, isa)
      .Run(input.data(), output.data(), &pool);
  return output;
}

// By way of planes, whose elements that are no pixels must stay zero.
std::vector<float> RunPlanes(const LayerNormOp& norm, const Shape& shape,
                             const std::vector<float>& input, ActivationRange range,
                             const InstructionSet& isa, int threads) {
  PlaneTensor tensor;
  EXPECT_TRUE(MakePlaneGeometry(shape.height, shape.width, {1, 2}, &tensor.geometry).ok());
  tensor.batch = shape.batch;
  tensor.channels = shape.channels;
  const int planes = shape.batch * shape.channels;
  std::vector<float> memory(tensor.geometry.floats(planes), 0.0f);
  ThreadPool pool(threads);
  ImageToPlanes(tensor, input.data(), memory.data(), &pool);
  LayerNorm(norm, tensor, range, isa).Run(memory.data(), memory.data(), &pool);  // in place
  std::vector<float> output(input.size(), kNan);
  PlanesToImage(tensor, memory.data(), output.data(), &pool);
  std::vector<float> pixels_only(memory.size(), 0.0f);
  ImageToPlanes(tensor, output.data(), pixels_only.data(), &pool);
  for (size_t i = 0; i < memory.size(); ++i) {
    EXPECT_TRUE(memory[i] == pixels_only[i] || std::isnan(pixels_only[i])) << "element " << i;
  }
  return output;
}

// Every form, instruction set and number of threads; these do not change a bit.
template <class Check>
void ForEachResult(const LayerNormOp& norm, const Shape& shape, const std::vector<float>& input,
                   ActivationRange range, const Check& check) {
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (!isa->supported()) continue;
    SCOPED_TRACE(isa->name);
    for (const auto run : {&RunImage, &RunPlanes}) {
      const std::vector<float> output = run(norm, shape, input, range, *isa, 1);
      check(output);
      for (const int threads : {2, 3}) {
        const std::vector<float> other = run(norm, shape, input, range, *isa, threads);
        for (size_t i = 0; i < output.size(); ++i) {
          ASSERT_TRUE(output[i] == other[i] || (std::isnan(output[i]) && std::isnan(other[i])));
        }
      }
    }
  }
}

constexpr ActivationRange kNoRange = {-kInfinity, kInfinity};

void ExpectNormalized(const Shape& shape, float mean, float scale, double tolerance,
                      ActivationRange range = kNoRange) {
  const LayerNormOp norm = NormOf(shape.channels, 1e-6f);
  const std::vector<float> input = Drawn(shape, mean, scale);
  const std::vector<double> expected = Expected(norm, input, shape.channels, range);
  ForEachResult(norm, shape, input, range, [&](const std::vector<float>& output) {
    for (size_t i = 0; i < output.size(); ++i) ASSERT_NEAR(output[i], expected[i], tolerance) << i;
  });
}

TEST(LayerNormTest, EveryNumberOfChannelsAndPixels) {
  for (const int channels : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 96, 130}) {
    SCOPED_TRACE(channels);
    for (const Shape& shape : {Shape{1, 1, 1, channels}, Shape{2, 3, 5, channels},
                               Shape{3, 7, 9, channels}, Shape{1, 13, 17, channels}}) {
      ExpectNormalized(shape, 0.3f, 1.0f, 1e-5);
    }
  }
}

TEST(LayerNormTest, SeveralJobs) { ExpectNormalized({2, 31, 33, 100}, -0.5f, 2.0f, 1e-5); }

TEST(LayerNormTest, ManyChannels) { ExpectNormalized({1, 3, 5, 4099}, 2.0f, 1.0f, 1e-5); }

TEST(LayerNormTest, Clamps) { ExpectNormalized({2, 5, 7, 19}, 0.0f, 1.0f, 1e-5, {-1.0f, 1.0f}); }

// What the variance as the mean of squares minus the square of the mean would not be able to tell. As
// much is left of each value as its own rounding leaves.
TEST(LayerNormTest, MeansFarFromZero) { ExpectNormalized({1, 5, 7, 48}, 4096.0f, 1.0f, 2e-3); }

TEST(LayerNormTest, LargeAndTinyValues) {
  ExpectNormalized({1, 5, 7, 48}, 0.0f, 1e15f, 1e-5);
  ExpectNormalized({1, 5, 7, 48}, 0.0f, 1e-20f, 1e-5);  // the epsilon is all there is
}

// As where the nodes run one by one: the variance is infinite, and what is left is the offset.
TEST(LayerNormTest, SquaresThatOverflow) {
  const Shape shape = {1, 5, 7, 48};
  const LayerNormOp norm = NormOf(shape.channels, 1e-6f);
  ForEachResult(norm, shape, Drawn(shape, 0.0f, 1e30f), kNoRange,
                [&](const std::vector<float>& output) {
                  for (size_t i = 0; i < output.size(); ++i) {
                    ASSERT_EQ(output[i], norm.channels.offset[i % shape.channels]);
                  }
                });
}

// Of numbers whose sums are exact: else rounding is what is left.
TEST(LayerNormTest, EqualChannelsBecomeTheOffset) {
  const Shape shape = {1, 3, 5, 16};
  const LayerNormOp norm = NormOf(shape.channels, 1e-6f);
  const std::vector<float> input(shape.pixels() * shape.channels, 0.75f);
  ForEachResult(norm, shape, input, kNoRange, [&](const std::vector<float>& output) {
    for (size_t i = 0; i < output.size(); ++i) {
      ASSERT_EQ(output[i], norm.channels.offset[i % shape.channels]);
    }
  });
}

// One of them in a pixel makes all its channels NaN, and no other pixel.
TEST(LayerNormTest, NanAndInfinityStayInTheirPixel) {
  const Shape shape = {2, 5, 7, 21};
  for (const float special : {kNan, kInfinity, -kInfinity}) {
    std::vector<float> input = Drawn(shape, 0.0f, 1.0f);
    for (const int pixel : {0, 12, 34, 69}) input[pixel * shape.channels + pixel % 21] = special;
    const LayerNormOp norm = NormOf(shape.channels, 1e-6f);
    ForEachResult(norm, shape, input, {-1.0f, 1.0f}, [&](const std::vector<float>& output) {
      for (size_t i = 0; i < output.size(); ++i) {
        const size_t pixel = i / shape.channels;
        const bool is_special = pixel == 0 || pixel == 12 || pixel == 34 || pixel == 69;
        ASSERT_EQ(std::isnan(output[i]), is_special) << "element " << i;
      }
    });
  }
}

}  // namespace
}  // namespace ubp
