// SPDX-License-Identifier: Apache-2.0
// SOFTMAX of int8 against plain loops of both of the interpreter's forms, and against real numbers.

#include "delegate/cpu/operators/int8_softmax.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace ubp {
namespace {

struct Row {
  std::vector<int8_t> values;
  float scale;
  float beta;

  int most() const { return *std::max_element(values.begin(), values.end()); }
  float Exponential(int8_t value) const {
    return std::exp(scale * beta * static_cast<float>(value - most()));
  }
};

int8_t Byte(double steps) { return static_cast<int8_t>(std::min(steps - 128.0, 127.0)); }

std::vector<int8_t> InFloat(const Row& row) {
  float sum = 0.0f;
  for (const int8_t value : row.values) sum += row.Exponential(value);
  const float inverse = 1.0f / (sum / 256.0f);
  std::vector<int8_t> result;
  for (const int8_t value : row.values) {
    result.push_back(Byte(std::round(row.Exponential(value) * inverse)));
  }
  return result;
}

// The inverse has 31 bits; a product is rounded to units of 2^-right, `right` places left of its own
// last one, and then to whole steps, both ties up.
std::vector<int8_t> InFixedPoint(const Row& row) {
  const auto units = [&](int8_t value) {
    return std::min(std::floor(double{row.Exponential(value) * 65535.0f} + 0.5), 65535.0);
  };
  double sum = 0.0;
  for (const int8_t value : row.values) sum += units(value);
  const float inverse = 1.0f / (static_cast<float>(sum) / 256.0f);
  int exponent = 0;
  std::frexp(inverse, &exponent);
  std::vector<int8_t> result;
  for (const int8_t value : row.values) {
    const double nudged = std::floor(std::ldexp(units(value) * double{inverse}, -exponent) + 0.5);
    result.push_back(Byte(std::floor(std::ldexp(nudged, exponent) + 0.5)));
  }
  return result;
}

template <class Exponential>
std::vector<int8_t> Computed(const Row& row, int threads) {
  const auto classes = static_cast<int>(row.values.size());
  const Int8SoftmaxOf<Exponential> softmax({3, classes}, row.beta, row.scale);
  // The same row three times, in place.
  std::vector<int8_t> all;
  for (int i = 0; i < 3; ++i) all.insert(all.end(), row.values.begin(), row.values.end());
  ThreadPool pool(threads);
  softmax.Run(all.data(), all.data(), &pool);
  EXPECT_TRUE(std::equal(all.begin(), all.begin() + classes, all.begin() + classes));
  EXPECT_TRUE(std::equal(all.begin(), all.begin() + classes, all.begin() + 2 * classes));
  all.resize(classes);
  return all;
}

Row RandomRow(std::minstd_rand* random) {
  std::uniform_int_distribution<int> byte(-128, 127), classes(0, 5), narrow(-9, 9);
  std::uniform_real_distribution<float> logarithm(-9.0f, 1.0f);
  constexpr int kClasses[] = {1, 2, 15, 16, 100, 1001};
  Row row;
  row.values.resize(kClasses[classes(*random)]);
  const bool wide = byte(*random) > 0;
  for (int8_t& value : row.values) {
    value = static_cast<int8_t>(wide ? byte(*random) : narrow(*random));
  }
  row.scale = std::exp2(logarithm(*random));
  row.beta = byte(*random) > 0 ? 1.0f : 0.5f;
  return row;
}

TEST(Int8SoftmaxTest, BothFormsEqualPlainLoopsForAnyNumberOfThreads) {
  std::minstd_rand random(1);
  for (int i = 0; i < 400; ++i) {
    const Row row = RandomRow(&random);
    ASSERT_EQ(Computed<float>(row, 1 + i % 3), InFloat(row)) << i;
    ASSERT_EQ(Computed<uint16_t>(row, 1 + i % 3), InFixedPoint(row)) << i;
  }
}

TEST(Int8SoftmaxTest, IsWithinAStepOfRealNumbers) {
  std::minstd_rand random(2);
  for (int i = 0; i < 100; ++i) {
    const Row row = RandomRow(&random);
    double sum = 0.0;
    for (const int8_t value : row.values) sum += row.Exponential(value);
    const std::vector<int8_t> in_float = Computed<float>(row, 1);
    const std::vector<int8_t> in_integers = Computed<uint16_t>(row, 1);
    for (size_t c = 0; c < row.values.size(); ++c) {
      const double real =
          std::min(256.0 * double{row.Exponential(row.values[c])} / sum - 128.0, 127.0);
      ASSERT_NEAR(in_float[c], real, 0.51);
      ASSERT_NEAR(in_integers[c], real, 1.01);
    }
  }
}

}  // namespace
}  // namespace ubp
