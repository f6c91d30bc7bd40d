// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite's fixed-point arithmetic.
#ifndef UBP_DELEGATE_CPU_OPERATORS_FIXED_POINT_H_
#define UBP_DELEGATE_CPU_OPERATORS_FIXED_POINT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ubp {

// factor * 2^(exponent - 31)
struct FixedPoint {
  int64_t factor = 0;
  int exponent = 0;
};

inline FixedPoint FixedPointOf(double number) {
  FixedPoint fixed;
  const double fraction = std::frexp(number, &fixed.exponent);
  fixed.factor = std::llround(std::ldexp(fraction, 31));
  if (fixed.factor == int64_t{1} << 31) {
    fixed.factor /= 2;
    ++fixed.exponent;
  }
  // What is too large or too small is the largest, or zero.
  if (fixed.exponent > 30) return {(int64_t{1} << 31) - 1, 30};
  if (fixed.exponent < -31) return {};
  return fixed;
}

// Ties away from zero.
inline int64_t DivideByPowerOf2(int64_t value, int exponent) {
  const int64_t half = exponent > 0 ? int64_t{1} << (exponent - 1) : 0;
  return value >= 0 ? (value + half) >> exponent : -((-value + half) >> exponent);
}

// The product without its lower `bits`, ties up.
inline int64_t HighProduct(int64_t a, int64_t b, int bits) {
  const int64_t half = int64_t{1} << (bits - 1);
  const int64_t product = a * b;
  const int64_t nudged = product + (product >= 0 ? half : 1 - half);
  return nudged / (int64_t{1} << bits);
}

// The value times the number.
inline int64_t Scaled(int64_t value, const FixedPoint& factor) {
  const int64_t left = int64_t{1} << std::max(factor.exponent, 0);
  const int right = std::max(-factor.exponent, 0);
  return DivideByPowerOf2(HighProduct(value * left, factor.factor, 31), right);
}

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_FIXED_POINT_H_
