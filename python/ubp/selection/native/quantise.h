// SPDX-License-Identifier: Apache-2.0
// Checks importance, and rounds it to integers. See kernels.h for the contracts.
//
// Both follow ubp/selection/layer/quantised.py to the last bit. So that they do, translation units
// with these kernels are compiled without contraction of a * b + c to one operation.
#ifndef UBP_SELECTION_NATIVE_QUANTISE_H_
#define UBP_SELECTION_NATIVE_QUANTISE_H_

#include "python/ubp/selection/native/vectors.h"

namespace ubp {
namespace selection {
namespace {

// kBytes: of a vector.
template <class T, int kBytes>
struct Importance {
  using Vec = typename VectorOf<T, kBytes>::Type;
  static constexpr int kWidth = kBytes / sizeof(T);
  static constexpr int kUnroll = 4;
  static constexpr T kLargest = sizeof(T) == 4 ? static_cast<T>(__FLT_MAX__) : __DBL_MAX__;

  static bool Peak(const T* values, int64_t count, T* peak) {
    Vec largest[kUnroll] = {};
    auto valid = Vec{} == Vec{};
    int64_t i = 0;
    for (; i + kUnroll * kWidth <= count; i += kUnroll * kWidth) {
      for (int j = 0; j < kUnroll; ++j) {
        Vec v;
        __builtin_memcpy(&v, values + i + j * kWidth, sizeof(v));
        largest[j] = v > largest[j] ? v : largest[j];
        valid &= (v >= T{0}) & (v <= kLargest);
      }
    }
    T result = 0;
    bool all_valid = true;
    for (int k = 0; k < kWidth; ++k) {
      all_valid &= valid[k] != 0;
      for (int j = 0; j < kUnroll; ++j) {
        if (largest[j][k] > result) result = largest[j][k];
      }
    }
    for (; i < count; ++i) {
      all_valid &= values[i] >= 0 && values[i] <= kLargest;
      if (values[i] > result) result = values[i];
    }
    *peak = result;
    return all_valid;
  }

  static void Quantise(const T* __restrict values, int64_t count, double peak, double quanta,
                       int32_t* __restrict elements) {
    constexpr double kToInteger = 6755399441055744.0;  // 1.5 * 2^52; numbers near it are integers
    for (int64_t i = 0; i < count; ++i) {
      const double scaled = static_cast<double>(values[i]) / peak * quanta;
      elements[i] = static_cast<int32_t>((scaled + kToInteger) - kToInteger);
    }
  }
};

}  // namespace
}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_QUANTISE_H_
