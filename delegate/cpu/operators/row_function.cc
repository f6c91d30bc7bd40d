// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/row_function.h"

#include <limits>

namespace ubp {
namespace {

ElementwiseArgs ArgsOf(const UnaryFunction& function) {
  ElementwiseArgs args;
  args.s = function.s;
  args.min = -std::numeric_limits<float>::infinity();
  args.max = std::numeric_limits<float>::infinity();
  return args;
}

}  // namespace

RowFunction::RowFunction(const UnaryFunction& function, const InstructionSet& isa)
    : function_(function),
      kernel_(isa.KernelFor(function.function)),
      pixel_kernel_(function.channels == nullptr ? kernel_
                                                 : isa.KernelFor(ByValue(function.function))) {}

void RowFunction::Apply(float* values, int begin, int end, ptrdiff_t stride, ptrdiff_t count,
                        const uint32_t* mask) const {
  if (kernel_ == nullptr) return;
  ElementwiseArgs args = ArgsOf(function_);
  args.mask = KeepsZero(function_.function) ? nullptr : mask;
  args.count = count;
  for (int channel = begin; channel < end; ++channel) {
    if (function_.channels != nullptr) args.s = function_.channels[channel];
    args.a = args.output = values + (channel - begin) * stride;
    kernel_(args);
  }
}

void RowFunction::ApplyToPixel(float* values, int begin, int end) const {
  if (kernel_ == nullptr) return;
  ElementwiseArgs args = ArgsOf(function_);
  args.count = end - begin;
  args.a = args.output = values;
  if (function_.channels != nullptr) args.b = function_.channels + begin;
  pixel_kernel_(args);
}

}  // namespace ubp
