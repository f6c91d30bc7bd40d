// SPDX-License-Identifier: Apache-2.0
// How the default interpreter rounds a product and a sum of float32.
#ifndef UBP_DELEGATE_CPU_OPERATORS_MULTIPLY_ADD_H_
#define UBP_DELEGATE_CPU_OPERATORS_MULTIPLY_ADD_H_

#include <cmath>

namespace ubp {

// a * b + c as XNNPACK computes it: its code for Arm rounds once, that for x86 rounds the product, too.
inline float MultiplyAdd(float a, float b, float c) {
#if defined(__aarch64__)
  return std::fma(a, b, c);
#else
  return static_cast<float>(double{a} * double{b}) + c;
#endif
}

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_MULTIPLY_ADD_H_
