// SPDX-License-Identifier: Apache-2.0
// Pooling against the definition, pixel by pixel in double precision, for every instruction set.

#include "delegate/cpu/operators/pool_operator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kUntouched = 12345.0f;

// A pooling of its own making: nothing here is computed by the code under test.
struct PoolCase {
  int batch, channels, height, width;
  int kernel_h, kernel_w, stride_h, stride_w;
  int top = 0, bottom = 0, left = 0, right = 0;  // pixels of padding

  int out_h() const { return (height + top + bottom - kernel_h) / stride_h + 1; }
  int out_w() const { return (width + left + right - kernel_w) / stride_w + 1; }
  ConvShape shape() const {
    ConvShape s{};
    s.batch = batch;
    s.in_h = height;
    s.in_w = width;
    s.in_c = s.out_c = channels;
    s.out_h = out_h();
    s.out_w = out_w();
    s.kernel_h = kernel_h;
    s.kernel_w = kernel_w;
    s.stride_h = stride_h;
    s.stride_w = stride_w;
    s.dilation_h = s.dilation_w = 1;
    s.pad_top = top;
    s.pad_left = left;
    return s;
  }
};

std::ostream& operator<<(std::ostream& out, const PoolCase& c) {
  return out << c.batch << "x" << c.height << "x" << c.width << "x" << c.channels << " window "
             << c.kernel_h << "x" << c.kernel_w << " stride " << c.stride_h << "x" << c.stride_w
             << " padding " << c.top << " " << c.bottom << " " << c.left << " " << c.right;
}

PlaneGeometry GeometryOf(int height, int width, Halo halo) {
  PlaneGeometry geometry;
  EXPECT_TRUE(MakePlaneGeometry(height, width, halo, &geometry).ok());
  return geometry;
}

// Channel-major planes as PlaneGeometry describes them, zero around the pixels.
struct Tensor {
  Tensor(int planes, int height, int width, Halo halo)
      : geometry(GeometryOf(height, width, halo)), memory(geometry.floats(planes)) {}

  float& At(int plane, int y, int x) {
    return memory.data()[plane * geometry.plane_stride + geometry.lead + y * geometry.pitch + x];
  }

  PlaneGeometry geometry;
  AlignedBuffer memory;
};

void FillRandom(const PoolCase& c, Tensor* tensor) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> values(-4.0f, 4.0f);
  for (int p = 0; p < c.batch * c.channels; ++p) {
    for (int y = 0; y < c.height; ++y) {
      for (int x = 0; x < c.width; ++x) tensor->At(p, y, x) = values(random);
    }
  }
}

double Expected(const PoolCase& c, const PoolOptions& options, Tensor* input, int plane, int out_y,
                int out_x) {
  double sum = 0.0;
  double maximum = -kLargest;
  int count = 0;
  for (int ky = 0; ky < c.kernel_h; ++ky) {
    for (int kx = 0; kx < c.kernel_w; ++kx) {
      const int y = out_y * c.stride_h + ky - c.top;
      const int x = out_x * c.stride_w + kx - c.left;
      const bool inside = y >= 0 && y < c.height && x >= 0 && x < c.width;
      if (!inside && !options.zeros_count) continue;
      const double value = inside ? input->At(plane, y, x) : 0.0;
      sum += value;
      if (value > maximum) maximum = value;
      ++count;
    }
  }
  const double result = options.kind == PoolKind::kMax ? maximum : sum / count;
  if (std::isnan(result)) return result;
  return std::min<double>(std::max<double>(result, options.range.min), options.range.max);
}

class PoolOperatorTest : public testing::TestWithParam<const InstructionSet*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "this processor cannot run " << GetParam()->name;
  }

  Tensor Run(const PoolCase& c, const PoolOptions& options, Tensor* input, Halo halo, int threads) {
    Tensor output(c.batch * c.channels, c.out_h(), c.out_w(), halo);
    const PoolOperator pool(c.shape(), input->geometry, output.geometry, options, *GetParam(),
                            threads);
    AlignedBuffer scratch(pool.scratch_floats());
    std::fill_n(scratch.data(), pool.scratch_floats(), kNan);  // whatever is there does not count
    ThreadPool workers(threads);
    pool.Run(input->memory.data(), output.memory.data(), scratch.data(), &workers);
    return output;
  }

  // All pixels, and that all that is no pixel is zero.
  void Check(const PoolCase& c, const PoolOptions& options, Tensor* input, Tensor* output) {
    const PlaneGeometry& g = output->geometry;
    for (int p = 0; p < c.batch * c.channels; ++p) {
      for (int y = 0; y < c.out_h(); ++y) {
        for (int x = 0; x < c.out_w(); ++x) {
          const double expected = Expected(c, options, input, p, y, x);
          const float actual = output->At(p, y, x);
          if (std::isnan(expected)) {
            ASSERT_TRUE(std::isnan(actual)) << "plane " << p << " pixel " << y << ", " << x;
          } else {
            ASSERT_NEAR(actual, expected, 8e-6 + 1e-6 * std::abs(expected))
                << "plane " << p << " pixel " << y << ", " << x;
          }
          output->At(p, y, x) = 0.0f;
        }
      }
    }
    const size_t floats = g.floats(c.batch * c.channels);
    for (size_t i = 0; i < floats; ++i) ASSERT_EQ(output->memory.data()[i], 0.0f) << "float " << i;
  }

  void CheckCase(const PoolCase& c, Halo input_halo, Halo output_halo) {
    Tensor input(c.batch * c.channels, c.height, c.width, input_halo);
    FillRandom(c, &input);
    for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      for (const bool zeros_count : {false, true}) {
        PoolOptions options;
        options.kind = kind;
        options.zeros_count = zeros_count;
        options.range = {-kLargest, kLargest};
        SCOPED_TRACE(testing::Message() << c << (kind == PoolKind::kMax ? " max" : " average")
                                        << (zeros_count ? ", zeros count" : ""));
        Tensor output = Run(c, options, &input, output_halo, 1);
        Check(c, options, &input, &output);
        if (HasFatalFailure()) return;
      }
    }
  }
};

// Windows and strides that take every way through the kernels: halved 0 to 3 times, widths with all
// binary digits, blocks of rows, strides 1, 2 and more, fewer columns than a vector has and more.
TEST_P(PoolOperatorTest, AnyWindow) {
  const int sizes[][2] = {{1, 1}, {2, 3}, {3, 2}, {4, 4},   {5, 5},   {6, 6},  {7, 7},
                          {8, 8}, {9, 1}, {1, 9}, {11, 13}, {16, 16}, {17, 24}};
  const int strides[][2] = {{1, 1}, {2, 2}, {3, 3}, {4, 4},  {1, 2},
                            {2, 1}, {5, 7}, {8, 8}, {20, 20}};
  for (const auto& size : sizes) {
    for (const auto& stride : strides) {
      CheckCase({1, 2, 24, 37, size[0], size[1], stride[0], stride[1]}, {1, 1}, {1, 1});
      CheckCase({1, 3, 17, 24, size[0], size[1], stride[0], stride[1]}, {0, 0}, {2, 3});
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(PoolOperatorTest, Padding) {
  const PoolCase cases[] = {
      {2, 5, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1},       {1, 4, 14, 14, 3, 3, 2, 2, 0, 1, 0, 1},
      {1, 3, 13, 13, 13, 13, 1, 1, 6, 6, 6, 6},   {1, 2, 20, 33, 5, 5, 1, 1, 2, 2, 2, 2},
      {1, 2, 9, 40, 4, 4, 4, 4, 1, 2, 2, 2},      {1, 2, 6, 5, 9, 12, 1, 1, 4, 4, 5, 6},
      {1, 2, 3, 3, 31, 31, 2, 2, 14, 15, 15, 15}, {1, 3, 5, 6, 2, 2, 2, 2, 1, 1, 1, 1},
      {1, 2, 6, 18, 7, 1, 1, 1, 3, 3, 0, 0},      {1, 2, 18, 6, 1, 7, 1, 1, 0, 0, 3, 3},
      {1, 2, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1},       {1, 2, 12, 12, 16, 8, 3, 8, 2, 3, 2, 2},
  };
  for (const PoolCase& c : cases) {
    CheckCase(c, {1, 1}, {1, 1});
    CheckCase(c, {8, 8}, {8, 8});  // room for flat rows
    if (HasFatalFailure()) return;
  }
}

// A window as wide as the image and pitches that are equal at times, odd or even.
TEST_P(PoolOperatorTest, OneWindowAcross) {
  for (int columns = 0; columns < 12; ++columns) {
    CheckCase({1, 3, 6, 4, 4, 4, 1, 1}, {1, 1}, {0, columns});
    CheckCase({2, 3, 9, 6, 3, 6, 1, 1}, {1, 2}, {0, columns});
    if (HasFatalFailure()) return;
  }
}

// Pads that a pooling absorbed: windows may lie outside the image altogether.
TEST_P(PoolOperatorTest, WindowsOutsideTheImage) {
  const PoolCase cases[] = {
      {1, 2, 5, 6, 2, 2, 1, 1, 5, 4, 6, 7},
      {1, 2, 5, 6, 3, 3, 2, 2, 9, 9, 9, 9},
      {1, 2, 4, 4, 1, 1, 1, 1, 3, 3, 3, 3},
      {1, 2, 8, 8, 6, 6, 1, 1, 7, 13, 13, 7},
  };
  for (const PoolCase& c : cases) {
    for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      for (const Halo halo : {Halo{1, 1}, Halo{16, 16}}) {
        SCOPED_TRACE(testing::Message() << c);
        Tensor input(c.batch * c.channels, c.height, c.width, halo);
        FillRandom(c, &input);
        const PoolOptions options{kind, true, {-kLargest, kLargest}, {}};
        Tensor output = Run(c, options, &input, halo, 1);
        Check(c, options, &input, &output);
      }
    }
  }
}

TEST_P(PoolOperatorTest, ManyAndFewChannels) {
  for (const int channels : {1, 2, 63, 400}) {
    CheckCase({2, channels, 7, 7, 7, 7, 1, 1}, {1, 1}, {0, 1});
    CheckCase({1, channels, 8, 8, 2, 2, 2, 2}, {1, 1}, {0, 1});
  }
  CheckCase({1, 1, 300, 300, 3, 3, 3, 3}, {1, 1}, {1, 1});
  CheckCase({1, 1, 64, 700, 31, 31, 1, 1, 15, 15, 15, 15}, {1, 1}, {1, 1});
}

TEST_P(PoolOperatorTest, Activation) {
  const PoolCase c = {1, 3, 20, 20, 4, 4, 4, 4};
  Tensor input(c.batch * c.channels, c.height, c.width, {1, 1});
  FillRandom(c, &input);
  for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    const PoolOptions options{kind, false, {0.0f, 3.9f}, {}};
    Tensor output = Run(c, options, &input, {1, 1}, 1);
    Check(c, options, &input, &output);
  }
}

// As the interpreter's kernels do: a maximum ignores NaN, an average of it is NaN, and neither is
// spread to windows that do not have it.
TEST_P(PoolOperatorTest, NotANumberAndInfinity) {
  const PoolCase cases[] = {
      {1, 2, 20, 36, 4, 4, 4, 4},
      {1, 2, 20, 36, 7, 7, 1, 1, 3, 3, 3, 3},
      {1, 2, 20, 36, 3, 5, 3, 5},
      {1, 2, 20, 36, 5, 5, 2, 2},
      {1, 2, 20, 36, 11, 3, 1, 1, 5, 5, 1, 1},
  };
  for (const PoolCase& c : cases) {
    Tensor input(c.batch * c.channels, c.height, c.width, {8, 8});
    FillRandom(c, &input);
    input.At(0, 3, 5) = kInfinity;
    input.At(0, 15, 30) = -kInfinity;
    for (int y = 8; y < 20; ++y) {  // whole windows of nothing else
      for (int x = 0; x < 16; ++x) input.At(1, y, x) = x < 8 ? -kInfinity : kNan;
    }
    input.At(1, 0, 35) = kNan;
    for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
#if defined(__ARM_NEON)
      if (kind == PoolKind::kMax) continue;  // NaN is the maximum there, to the interpreter as well
#endif
      SCOPED_TRACE(testing::Message() << c);
      const PoolOptions options{kind, false, {-kLargest, kLargest}, {}};
      Tensor output = Run(c, options, &input, {8, 8}, 1);
      Check(c, options, &input, &output);
    }
  }
}

TEST_P(PoolOperatorTest, ResultsDoNotDependOnThreads) {
  for (const PoolCase& c : {PoolCase{2, 37, 20, 20, 5, 5, 1, 1, 2, 2, 2, 2},
                            PoolCase{1, 3, 40, 40, 9, 9, 1, 1, 4, 4, 4, 4}}) {
    Tensor input(c.batch * c.channels, c.height, c.width, {4, 4});
    FillRandom(c, &input);
    const PoolOptions options{PoolKind::kAverage, false, {-kLargest, kLargest}, {}};
    const Tensor one = Run(c, options, &input, {4, 4}, 1);
    for (const int threads : {2, 3, 5}) {
      const Tensor several = Run(c, options, &input, {4, 4}, threads);
      EXPECT_EQ(0, std::memcmp(one.memory.data(), several.memory.data(), one.memory.bytes()));
    }
  }
}

// Rows of strips: the same bits however rows are divided, and nothing else is written.
TEST_P(PoolOperatorTest, RowsOfStrips) {
  const PoolCase cases[] = {
      {1, 3, 30, 40, 5, 5, 1, 1, 2, 2, 2, 2}, {1, 3, 30, 40, 9, 4, 1, 1, 4, 4, 1, 2},
      {1, 3, 40, 40, 7, 7, 2, 2, 2, 3, 2, 3}, {1, 3, 48, 60, 3, 3, 3, 3},
      {1, 3, 33, 64, 4, 4, 4, 4, 0, 3, 0, 0},
  };
  for (const PoolCase& c : cases) {
    for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      SCOPED_TRACE(testing::Message() << c);
      Tensor input(c.channels, c.height, c.width, {3, 4});
      FillRandom(c, &input);
      const PoolOptions options{kind, false, {-kLargest, kLargest}, {}};
      Tensor whole = Run(c, options, &input, {3, 4}, 1);
      Tensor output(c.channels, c.out_h(), c.out_w(), {3, 4});
      const PoolOperator pool(c.shape(), input.geometry, output.geometry, options, *GetParam(), 1);
      AlignedBuffer scratch(pool.row_scratch_floats());
      RowBuffers buffers;
      buffers.input.data = input.memory.data();
      buffers.output.data = output.memory.data();
      buffers.scratch = scratch.data();
      std::fill_n(output.memory.data(), output.geometry.floats(c.channels), kUntouched);
      for (int begin = 0, rows = 1; begin < c.out_h(); begin += rows, rows = rows % 4 + 1) {
        pool.RunRows(buffers, begin, std::min(c.out_h(), begin + rows));
      }
      for (int p = 0; p < c.channels; ++p) {
        for (int y = 0; y < c.out_h(); ++y) {
          for (int x = 0; x < c.out_w(); ++x) {
            ASSERT_EQ(whole.At(p, y, x), output.At(p, y, x)) << p << " " << y << " " << x;
            output.At(p, y, x) = kUntouched;
          }
          // Zero or untouched between rows, untouched behind the last.
          for (int x = c.out_w(); x < output.geometry.pitch && y + 1 < c.out_h(); ++x) {
            const float junk = output.At(p, y, x);
            ASSERT_TRUE(junk == 0.0f || junk == kUntouched);
            output.At(p, y, x) = kUntouched;
          }
        }
      }
      for (size_t i = 0; i < output.geometry.floats(c.channels); ++i) {
        ASSERT_EQ(output.memory.data()[i], kUntouched) << "float " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, PoolOperatorTest, testing::ValuesIn(AllInstructionSets()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace ubp
