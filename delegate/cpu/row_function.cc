#include "delegate/cpu/row_function.h"

#include <limits>

namespace ubp {

RowFunction::RowFunction(const UnaryFunction& function, const KernelFamily& family)
    : kernel_(family.KernelFor(function.function)), s_(function.s) {}

void RowFunction::Apply(float* values, int rows, ptrdiff_t stride, ptrdiff_t count,
                        const uint32_t* mask) const {
  if (kernel_ == nullptr) return;
  ElementwiseArgs args;
  args.s = s_;
  args.mask = mask;
  args.count = count;
  args.min = -std::numeric_limits<float>::infinity();
  args.max = std::numeric_limits<float>::infinity();
  for (int row = 0; row < rows; ++row) {
    args.a = args.output = values + row * stride;
    kernel_(args);
  }
}

}  // namespace ubp
