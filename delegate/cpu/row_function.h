// A function of one tensor that an operator applies to what it has just computed, while that is in
// the cache.
#ifndef UBP_DELEGATE_CPU_ROW_FUNCTION_H_
#define UBP_DELEGATE_CPU_ROW_FUNCTION_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels.h"

namespace ubp {

struct UnaryFunction {
  Elementwise function;  // of one tensor
  float s = 1.0f;        // its number, if it has one
};

class RowFunction {
 public:
  RowFunction() = default;  // none: changes nothing
  RowFunction(const UnaryFunction& function, const KernelFamily& family);

  // Changes `rows` rows of `count` values, `stride` floats apart. Zero bits of mask [count], the
  // same for all rows, make a value zero.
  void Apply(float* values, int rows, ptrdiff_t stride, ptrdiff_t count,
             const uint32_t* mask) const;

 private:
  ElementwiseKernel kernel_ = nullptr;
  float s_ = 1.0f;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_ROW_FUNCTION_H_
