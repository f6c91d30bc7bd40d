// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/int8_softmax.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "delegate/cpu/operators/fixed_point.h"

namespace ubp {
namespace {

constexpr int kLeast = -128;
constexpr int kMost = 127;
constexpr int kLargest = kMost - kLeast;  // difference of two values

void SetExponential(float exponent, uint16_t* exponential) {
  constexpr float kOne = 65535.0f;
  const float units = std::exp(exponent) * kOne;
  *exponential = static_cast<uint16_t>(std::min(double{units} + 0.5, double{kOne}));
}

void SetExponential(float exponent, float* exponential) { *exponential = std::exp(exponent); }

float SumOf(const uint16_t* exponentials, const int8_t* values, int count) {
  int64_t sum = 0;
  for (int i = 0; i < count; ++i) sum += exponentials[values[i]];
  return static_cast<float>(sum);
}

float SumOf(const float* exponentials, const int8_t* values, int count) {
  float sum = 0.0f;
  for (int i = 0; i < count; ++i) sum += exponentials[values[i]];
  return sum;
}

// An exponential times the inverse of the sum in steps of the output, which it multiplies with.
class StepsInFixedPoint {
 public:
  explicit StepsInFixedPoint(float inverse) : inverse_(FixedPointOf(inverse)) {}
  int64_t Of(uint16_t exponential) const { return Scaled(exponential, inverse_); }

 private:
  FixedPoint inverse_;
};

class StepsInFloat {
 public:
  explicit StepsInFloat(float inverse) : inverse_(inverse) {}
  int64_t Of(float exponential) const { return std::lround(exponential * inverse_); }

 private:
  float inverse_;
};

template <class Exponential>
using StepsOf =
    std::conditional_t<std::is_same_v<Exponential, float>, StepsInFloat, StepsInFixedPoint>;

}  // namespace

template <class Exponential>
Int8SoftmaxOf<Exponential>::Int8SoftmaxOf(const SoftmaxShape& shape, float beta, float input_scale)
    : shape_(shape) {
  const float scale = input_scale * beta;
  for (int i = 0; i <= kLargest; ++i) {
    SetExponential(scale * static_cast<float>(i - kLargest), &exponentials_[i]);
  }
}

template <class Exponential>
void Int8SoftmaxOf<Exponential>::Run(const int8_t* input, int8_t* output, ThreadPool* pool) const {
  pool->Run(shape_.rows, [&](int row, int) {
    const int64_t first = int64_t{row} * shape_.classes;
    RunRow(input + first, output + first);
  });
}

template <class Exponential>
void Int8SoftmaxOf<Exponential>::RunRow(const int8_t* input, int8_t* output) const {
  const int most = *std::max_element(input, input + shape_.classes);
  const Exponential* const exponentials = exponentials_.data() + kLargest - most;
  const float sum = SumOf(exponentials, input, shape_.classes);
  const StepsOf<Exponential> steps(1.0f / (sum * kSoftmaxScale));
  for (int c = 0; c < shape_.classes; ++c) {
    const int64_t value = kLeast + steps.Of(exponentials[input[c]]);
    output[c] = static_cast<int8_t>(std::min<int64_t>(value, kMost));
  }
}

template class Int8SoftmaxOf<uint16_t>;
template class Int8SoftmaxOf<float>;

}  // namespace ubp
