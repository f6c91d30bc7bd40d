// SPDX-License-Identifier: Apache-2.0
// Pooling of int8 and means against plain loops, bit for bit.

#include "delegate/cpu/operators/quad_pool.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cpp/conv_cases.h"
#include "tests/cpp/quad_layer.h"

namespace ubp {
namespace {

constexpr Geometry kWindows[] = {
    {"k2_stride2", 8, 10, 9, 0, 2, 2, 2, 2, 1, 1, kValid, 2},
    {"k2_stride2_odd", 9, 37, 8, 0, 2, 2, 2, 2, 1, 1, kSame},
    {"k3", 9, 7, 12, 0, 3, 3, 1, 1, 1, 1, kSame, 2},
    {"k3_valid", 9, 40, 6, 0, 3, 3, 1, 1, 1, 1, kValid},
    {"k3_stride2", 12, 34, 8, 0, 3, 3, 2, 2, 1, 1, kSame},
    {"k3_stride2_wide", 3, 70, 4, 0, 3, 3, 1, 2, 1, 1, kSame, 2},
    {"k1_stride2", 8, 36, 8, 0, 1, 1, 2, 2, 1, 1, kValid, 2},
    {"k3_stride3_valid", 12, 34, 8, 0, 3, 3, 3, 3, 1, 1, kValid},
    {"k2x5", 8, 9, 6, 0, 2, 5, 1, 2, 1, 1, kSame},
    {"whole", 7, 7, 40, 0, 7, 7, 1, 1, 1, 1, kValid, 2},
    {"whole_stride", 6, 8, 5, 0, 6, 8, 6, 8, 1, 1, kValid},
    {"larger_than_input", 4, 3, 4, 0, 9, 9, 1, 1, 1, 1, kSame},
};

struct Numbers {
  int zero_point, min, max;
};

struct PoolCase {
  PoolKind kind;
  QuadPadding padding;
  const char* name;
};

constexpr PoolCase kPools[] = {
    {PoolKind::kMax, QuadPadding::kNothing, "max"},
    {PoolKind::kMax, QuadPadding::kZero, "max with zeros"},
    {PoolKind::kAverage, QuadPadding::kNothing, "average"},
};

std::vector<int8_t> PoolPlainly(const PoolCase& pool, const ConvShape& s, const Numbers& numbers,
                                const std::vector<int8_t>& input) {
  std::vector<int8_t> output;
  for (int i = 0; i < s.batch * s.out_h * s.out_w * s.out_c; ++i) {
    const int c = i % s.out_c;
    const int x = i / s.out_c % s.out_w;
    const int y = i / s.out_c / s.out_w % s.out_h;
    const int b = i / s.out_c / s.out_w / s.out_h;
    int most = -128, sum = 0, count = 0;
    for (int tap = 0; tap < s.kernel_h * s.kernel_w; ++tap) {
      const int in_y = y * s.stride_h - s.pad_top + tap / s.kernel_w;
      const int in_x = x * s.stride_w - s.pad_left + tap % s.kernel_w;
      if (in_y < 0 || in_y >= s.in_h || in_x < 0 || in_x >= s.in_w) {
        if (pool.padding == QuadPadding::kZero) most = std::max(most, numbers.zero_point);
        continue;
      }
      const int value = input[((int64_t{b} * s.in_h + in_y) * s.in_w + in_x) * s.in_c + c];
      most = std::max(most, value);
      sum += value;
      ++count;
    }
    const int mean = count == 0 ? 0 : (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    output.push_back(static_cast<int8_t>(
        std::clamp(pool.kind == PoolKind::kMax ? most : mean, numbers.min, numbers.max)));
  }
  return output;
}

void RunPool(const PoolCase& pool, const ConvShape& shape, const QuadConvLayout& layout,
             const Int8Kernels& kernels, int threads, const AlignedBuffer& input,
             const AlignedBuffer& output) {
  std::unique_ptr<QuadPool> window;
  ASSERT_TRUE(
      QuadPool::Make(pool.kind, pool.padding, shape, layout, kernels, threads, &window).ok());
  AlignedBuffer scratch(window->scratch_floats());
  if (scratch.bytes() > 0) std::memset(scratch.data(), 0x5a, scratch.bytes());
  ThreadPool workers(threads);
  window->Run(input.data(), output.data(), scratch.data(), &workers);
}

class QuadPoolTest : public testing::TestWithParam<Geometry> {};

TEST_P(QuadPoolTest, EqualsPlainLoopsForAnyNumberOfThreads) {
  Geometry g = GetParam();
  g.out_c = g.in_c;
  ConvShape shape;
  ASSERT_TRUE(MakeConvShape(SpecOf(g, 1), g.batch, g.in_h, g.in_w, &shape).ok());
  PlaneTensor in_halo{{}, shape.batch, shape.in_c};  // windows find their padding in it
  ASSERT_TRUE(MakePlaneGeometry(shape.in_h, shape.in_w, HaloFor(shape), &in_halo.geometry).ok());
  const PlaneTensor out{GeometryFor(shape, false), shape.batch, shape.out_c};
  const std::vector<int8_t> input = RandomImage(shape, 7);
  for (const PlaneTensor& in :
       {PlaneTensor{GeometryFor(shape, true), shape.batch, shape.in_c}, in_halo}) {
    for (const PoolCase& pool : kPools) {
      for (const Numbers& n :
           {Numbers{-128, -128, 127}, Numbers{5, 5, 60}, Numbers{-9, -20, 127}}) {
        const std::vector<int8_t> expected = PoolPlainly(pool, shape, n, input);
        for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
          for (const int threads : {1, 2, 3}) {
            const QuadConvLayout layout{in.geometry, out.geometry, n.zero_point, n.zero_point,
                                        n.min,       n.max,        std::nullopt};
            const AlignedBuffer in_planes = ToQuads(in, n.zero_point, *kernels, input);
            const AlignedBuffer out_planes = EmptyQuads(out, n.zero_point, *kernels);
            RunPool(pool, shape, layout, *kernels, threads, in_planes, out_planes);
            ASSERT_EQ(FromQuads(out, n.zero_point, *kernels, out_planes), expected)
                << kernels->name << " " << pool.name << ", " << threads << " threads, halo of "
                << in.geometry.halo.rows;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuadPoolTest, testing::ValuesIn(kWindows),
                         [](const auto& info) { return std::string(info.param.name); });

// Strides and padding such that some windows, or all, or all taps read nothing but padding.
TEST(QuadPoolTest, MaximaOfPaddingOnly) {
  constexpr int kLeft = 9;
  const Numbers numbers{5, -128, 127};
  for (const int kernel : {1, 3}) {
    for (const int stride : {1, 2, 20}) {
      LayerAttributes attributes = Pool2DOp::WithoutChannels();
      attributes.kernel_h = attributes.kernel_w = kernel;
      attributes.stride_h = attributes.stride_w = stride;
      attributes.in_channels = attributes.out_channels = 6;
      ConvShape shape;
      ASSERT_TRUE(MakeConvShape(attributes, 2, 4, 5, {kLeft, 2, kLeft, 3}, &shape).ok());
      const PlaneTensor in{GeometryFor(shape, true), shape.batch, shape.in_c};
      const PlaneTensor out{GeometryFor(shape, false), shape.batch, shape.out_c};
      const std::vector<int8_t> input = RandomImage(shape, 7);
      for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
        const QuadConvLayout layout{in.geometry, out.geometry, 5, 5, -128, 127, std::nullopt};
        const AlignedBuffer out_planes = EmptyQuads(out, 5, *kernels);
        RunPool(kPools[0], shape, layout, *kernels, 1, ToQuads(in, 5, *kernels, input), out_planes);
        ASSERT_EQ(FromQuads(out, 5, *kernels, out_planes),
                  PoolPlainly(kPools[0], shape, numbers, input))
            << kernels->name << ", kernel " << kernel << ", stride " << stride;
      }
    }
  }
}

// The default interpreter's: on Arm products and sums are one operation, elsewhere two.
float MultiplyAdd(float a, float b, float c) {
#if defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  const volatile float product = a * b;
  return product + c;
#endif
}

int8_t MeanPlainly(int sum, int pixels, const Quantization& in, const Quantization& out) {
  const float scale = (in.scale / out.scale) * (1.0f / static_cast<float>(pixels));
  const auto zero = static_cast<float>(-pixels * in.zero_point);
  const float offset = MultiplyAdd(zero, scale, static_cast<float>(out.zero_point));
  const float mean = MultiplyAdd(static_cast<float>(sum), scale, offset);
  return static_cast<int8_t>(std::clamp(std::nearbyint(mean), -128.0f, 127.0f));
}

TEST(MeanOfQuadsTest, EqualsPlainLoops) {
  std::minstd_rand random(1);
  std::uniform_int_distribution<int> byte(-128, 127);
  for (const auto& [height, width, channels] :
       {std::array{1, 1, 5}, std::array{7, 7, 130}, std::array{5, 31, 64}, std::array{40, 3, 3}}) {
    ConvShape shape{};
    shape.batch = 2;
    shape.in_h = height;
    shape.in_w = width;
    shape.in_c = channels;
    const std::vector<int8_t> input = RandomImage(shape, 8);
    const int pixels = height * width;
    for (const float ratio : {1.0f, 0.5f, 1.7f, 0.03f}) {
      const Quantization in{0.037f, byte(random)};
      const Quantization out{in.scale / ratio, ratio == 1.0f ? in.zero_point : byte(random)};
      std::vector<int8_t> expected;
      for (int i = 0; i < shape.batch * channels; ++i) {
        int sum = 0;
        for (int p = 0; p < pixels; ++p) {
          sum += input[(i / channels * pixels + p) * channels + i % channels];
        }
        expected.push_back(MeanPlainly(sum, pixels, in, out));
      }
      for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
        PlaneTensor tensor{{}, shape.batch, channels};
        ASSERT_TRUE(MakePlaneGeometry(height, width, {1, 1}, &tensor.geometry).ok());
        const AlignedBuffer planes = ToQuads(tensor, in.zero_point, *kernels, input);
        std::vector<int8_t> output(expected.size());
        ThreadPool pool(3);
        MeanOfQuads(tensor, in, out, *kernels, planes.data(), output.data(), &pool);
        ASSERT_EQ(output, expected) << kernels->name << ", " << pixels << " pixels";
      }
    }
  }
}

}  // namespace
}  // namespace ubp
