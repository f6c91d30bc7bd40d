// SPDX-License-Identifier: Apache-2.0
// A function of one tensor that an operator applies to what it has just computed, while that is in
// the cache.
#ifndef UBP_DELEGATE_CPU_OPERATORS_ROW_FUNCTION_H_
#define UBP_DELEGATE_CPU_OPERATORS_ROW_FUNCTION_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/kernels.h"
#include "delegate/graph/elementwise_function.h"

namespace ubp {

class RowFunction {
 public:
  RowFunction() = default;  // none: changes nothing
  RowFunction(const UnaryFunction& function, const InstructionSet& isa);

  // Changes a row of `count` values for each of the channels [begin, end), `stride` floats apart.
  // Where bits of mask [count], the same for all rows, are zero, values are zero and stay so.
  void Apply(float* values, int begin, int end, ptrdiff_t stride, ptrdiff_t count,
             const uint32_t* mask) const;

  // Changes the channels [begin, end) of one pixel, which lie side by side.
  void ApplyToPixel(float* values, int begin, int end) const;

 private:
  UnaryFunction function_;
  ElementwiseKernel kernel_ = nullptr;
  ElementwiseKernel pixel_kernel_ = nullptr;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_ROW_FUNCTION_H_
