// SPDX-License-Identifier: Apache-2.0
// The functions of elementwise operators. Plain data: kernels, which are compiled once per
// instruction set, read it too.
#ifndef UBP_DELEGATE_GRAPH_ELEMENTWISE_FUNCTION_H_
#define UBP_DELEGATE_GRAPH_ELEMENTWISE_FUNCTION_H_

namespace ubp {

// Of values a, b and c of one place and the numbers s and t: what is computed before the clamp of a
// fused activation. Backends list their kernels in this order.
enum class Elementwise {
  kAdd,          // a + b
  kSubtract,     // a - b
  kMultiply,     // a * b
  kScale,        // a * s + t
  kMultiplyAdd,  // a * b + c
  kLeakyRelu,    // a, or a * s where a < 0
  kPRelu,        // a, or a * b where a < 0
  kElu,          // a, or exp(a) - 1 where a < 0
  kHardSwish,    // a * clamp(a + 3, 0, 6) / 6
  kLogistic,     // 1 / (1 + exp(-a))
  kSwish,        // a / (1 + exp(-a))
  kMish,         // a * tanh(log(1 + exp(a)))
  kGelu,         // a * (1 + erf(a / sqrt(2))) / 2
  kGeluTanh,     // a * (1 + tanh(sqrt(2 / pi) * (a + 0.044715 a^3))) / 2
  kTanh,
  kExp,  // exp((a + t) * s)
  kLog,  // natural
  // log(1 + exp(a)), at most the logarithm of the largest float: TFLite has it in three operators, of
  // which ADD clamps to that.
  kSoftplus,
  kCount
};

// A function of one tensor.
struct UnaryFunction {
  Elementwise function = Elementwise::kScale;
  float s = 1.0f;                   // its number, if it has one
  const float* channels = nullptr;  // [channels]: in place of s, if not null
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_ELEMENTWISE_FUNCTION_H_
