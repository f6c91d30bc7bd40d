// SPDX-License-Identifier: Apache-2.0
// Sums and products of int8 tensors in planes of quads against plain loops of the default interpreter's
// arithmetic.

#include "delegate/cpu/operators/quad_elementwise.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cpp/quad_layer.h"

namespace ubp {
namespace {

// XNNPACK's sum with multipliers of 21 bits, in 64 bits.
int PlainSum(int a, int b, const QuadOperands& o, int a_sign, int b_sign) {
  const float a_ratio = o.a.scale / o.output.scale;
  const float b_ratio = o.b.scale / o.output.scale;
  int exponent = 0;
  std::frexp(std::max(a_ratio, b_ratio), &exponent);
  const int shift = 21 - exponent;
  const auto multiplier = [&](float ratio) {
    return static_cast<int64_t>(std::nearbyint(std::ldexp(double{ratio}, shift)));
  };
  const int64_t sum = a_sign * multiplier(a_ratio) * (a - o.a.zero_point) +
                      b_sign * multiplier(b_ratio) * (b - o.b.zero_point) +
                      (int64_t{1} << (shift - 1));
  return static_cast<int>(sum >> shift) + o.output.zero_point;
}

// In float32, but on Arm in fixed point: first cut off behind some bits, then rounded, ties up.
int PlainProduct(int a, int b, const QuadOperands& o) {
  const float scale = o.a.scale * o.b.scale / o.output.scale;
  const int product = (a - o.a.zero_point) * (b - o.b.zero_point);
  if (!kFixedPointProducts) {
    return static_cast<int>(std::nearbyint(static_cast<float>(product) * scale)) +
           o.output.zero_point;
  }
  const int bits = std::max(1, -1 - std::ilogb(scale));
  const double cut = std::floor(std::ldexp(product * double{scale}, bits));
  return static_cast<int>(std::floor(std::ldexp(cut, -bits) + 0.5)) + o.output.zero_point;
}

int8_t Plain(QuadFunction function, int a, int b, const QuadOperands& o) {
  int value = 0;
  switch (function) {
    case QuadFunction::kAdd:
      value = PlainSum(a, b, o, 1, 1);
      break;
    case QuadFunction::kSubtract:
      value = PlainSum(a, b, o, 1, -1);
      break;
    case QuadFunction::kReverseSubtract:
      value = PlainSum(a, b, o, -1, 1);
      break;
    case QuadFunction::kMultiply:
      value = PlainProduct(a, b, o);
      break;
  }
  return static_cast<int8_t>(std::clamp(value, o.min, o.max));
}

QuadOperands RandomOperands(std::minstd_rand* random) {
  std::uniform_real_distribution<float> logarithm(-3.0f, 2.0f);
  std::uniform_int_distribution<int> byte(-128, 127);
  QuadOperands o;
  o.a = {std::exp(logarithm(*random)), byte(*random)};
  o.b = {std::exp(logarithm(*random)), byte(*random)};
  o.output = {std::exp(logarithm(*random)), byte(*random)};
  // Where all scales are powers of two, many results lie halfway between two numbers.
  if (byte(*random) > 0) {
    for (Quantization* each : {&o.a, &o.b, &o.output}) {
      each->scale = std::exp2(std::round(std::log2(each->scale)));
    }
  }
  if (byte(*random) > 0) o.min = o.output.zero_point;
  if (byte(*random) > 0)
    o.max = std::uniform_int_distribution<int>(o.output.zero_point, 127)(*random);
  return o;
}

PlaneGeometry GeometryWith(int height, int width, Halo halo) {
  PlaneGeometry geometry;
  EXPECT_TRUE(MakePlaneGeometry(height, width, halo, &geometry).ok());
  return geometry;
}

std::vector<int8_t> RandomValues(size_t count, uint32_t seed) {
  std::vector<int8_t> values(count);
  std::minstd_rand random(seed);
  for (int8_t& value : values) {
    value = static_cast<int8_t>(std::uniform_int_distribution<int>(-128, 127)(random));
  }
  return values;
}

constexpr QuadFunction kFunctions[] = {QuadFunction::kAdd, QuadFunction::kSubtract,
                                       QuadFunction::kReverseSubtract, QuadFunction::kMultiply};

TEST(QuadElementwiseTest, EqualsPlainLoopsInAllGeometries) {
  std::minstd_rand random(1);
  constexpr int kBatch = 2, kHeight = 5, kWidth = 19, kChannels = 22;
  const Halo halos[] = {{0, 0}, {1, 1}, {2, 3}};
  const std::vector<int8_t> a = RandomValues(kBatch * kHeight * kWidth * kChannels, 2);
  const std::vector<int8_t> b = RandomValues(a.size(), 3);
  for (const QuadFunction function : kFunctions) {
    for (int i = 0; i < 27; ++i) {
      const QuadOperands o = RandomOperands(&random);
      const PlaneTensor in_a{GeometryWith(kHeight, kWidth, halos[i % 3]), kBatch, kChannels};
      const PlaneTensor in_b{GeometryWith(kHeight, kWidth, halos[i / 3 % 3]), kBatch, kChannels};
      const PlaneTensor out{GeometryWith(kHeight, kWidth, halos[i / 9]), kBatch, kChannels};
      std::vector<int8_t> expected;
      for (size_t k = 0; k < a.size(); ++k) expected.push_back(Plain(function, a[k], b[k], o));
      for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
        const QuadElementwise binary(function, o, in_a.geometry, in_b.geometry, out.geometry,
                                     kBatch, kChannels, *kernels);
        const AlignedBuffer planes_a = ToQuads(in_a, o.a.zero_point, *kernels, a);
        const AlignedBuffer planes_b = ToQuads(in_b, o.b.zero_point, *kernels, b);
        const AlignedBuffer planes = EmptyQuads(out, o.output.zero_point, *kernels);
        ThreadPool pool(1 + i % 3);
        binary.Run(planes_a.data(), planes_b.data(), planes.data(), &pool);
        ASSERT_EQ(FromQuads(out, o.output.zero_point, *kernels, planes), expected)
            << kernels->name << ", function " << static_cast<int>(function) << ", case " << i;
      }
    }
  }
}

TEST(QuadElementwiseTest, TakesVectorsOfChannels) {
  std::minstd_rand random(4);
  constexpr int kBatch = 3, kHeight = 4, kWidth = 7, kChannels = 21;
  const PlaneTensor tensor{GeometryWith(kHeight, kWidth, {1, 2}), kBatch, kChannels};
  const std::vector<int8_t> a = RandomValues(kBatch * kHeight * kWidth * kChannels, 5);
  for (const QuadFunction function : kFunctions) {
    for (const int vector_batch : {1, kBatch}) {
      const std::vector<int8_t> b = RandomValues(vector_batch * kChannels, 6);
      const QuadOperands o = RandomOperands(&random);
      std::vector<int8_t> expected;
      for (size_t k = 0; k < a.size(); ++k) {
        const size_t image = k / (kHeight * kWidth * kChannels) % vector_batch;
        expected.push_back(Plain(function, a[k], b[image * kChannels + k % kChannels], o));
      }
      for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
        const QuadElementwise binary(function, o, tensor.geometry, vector_batch, tensor.geometry,
                                     kBatch, kChannels, *kernels);
        const AlignedBuffer planes_a = ToQuads(tensor, o.a.zero_point, *kernels, a);
        const AlignedBuffer planes = EmptyQuads(tensor, o.output.zero_point, *kernels);
        AlignedBuffer scratch(binary.scratch_floats());
        ThreadPool pool(2);
        binary.RunVector(planes_a.data(), b.data(), planes.data(), scratch.data(), &pool);
        ASSERT_EQ(FromQuads(tensor, o.output.zero_point, *kernels, planes), expected)
            << kernels->name << ", function " << static_cast<int>(function);
      }
    }
  }
}

}  // namespace
}  // namespace ubp
