// What an elementwise kernel is given: values that lie contiguous, each output depending on the
// inputs at its own place only.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_ELEMENTWISE_ARGS_H_
#define UBP_DELEGATE_CPU_ELEMENTWISE_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// Of a, b and c [count] and the number s and t: what is computed before the clamp. In the order of
// KernelFamily::elementwise.
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

struct ElementwiseArgs {
  const float* a = nullptr;
  const float* b = nullptr;  // read where the function has it, as c, s and t
  const float* c = nullptr;
  float s = 1.0f;
  float t = 0.0f;
  const uint32_t* mask = nullptr;  // [count]: zero bits make the output zero; null: none do
  float* output = nullptr;         // [count]; may be an input, not overlap with one otherwise
  ptrdiff_t count = 0;
  float min = 0.0f;  // of the fused activation; -infinity and +infinity for none
  float max = 0.0f;
};

// Reads and writes no element outside. NaN stays NaN. Beside rounding (a few units in the last
// place) results differ from exact ones where those, or exp(a), are hardly above denormal numbers:
// they may be zero.
using ElementwiseKernel = void (*)(const ElementwiseArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_ELEMENTWISE_ARGS_H_
