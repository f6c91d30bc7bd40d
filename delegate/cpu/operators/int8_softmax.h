// SPDX-License-Identifier: Apache-2.0
// SOFTMAX of int8 vectors.
#ifndef UBP_DELEGATE_CPU_OPERATORS_INT8_SOFTMAX_H_
#define UBP_DELEGATE_CPU_OPERATORS_INT8_SOFTMAX_H_

#include <array>
#include <cstdint>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/operators/softmax.h"

namespace ubp {

// The scale of all outputs is kSoftmaxScale, their zero point -128.
inline constexpr float kSoftmaxScale = 1.0f / 256.0f;

// As the interpreter's own kernel, which has two forms: it adds up exponentials in units of 1 / 65535
// (uint16_t), and scales them in fixed point; or adds up float, one by one.
template <class Exponential>
class Int8SoftmaxOf {
 public:
  Int8SoftmaxOf(const SoftmaxShape& shape, float beta, float input_scale);

  // [rows, classes], both; `output` may be `input`. Allocates nothing.
  void Run(const int8_t* input, int8_t* output, ThreadPool* pool) const;

 private:
  void RunRow(const int8_t* input, int8_t* output) const;

  SoftmaxShape shape_;
  std::array<Exponential, 256> exponentials_;  // of the largest number less 255 steps, .. less none
};

// What runs at hand.
#if defined(__aarch64__)
using Int8Softmax = Int8SoftmaxOf<uint16_t>;
#else
using Int8Softmax = Int8SoftmaxOf<float>;
#endif

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_INT8_SOFTMAX_H_
