// SPDX-License-Identifier: Apache-2.0
// What int8 operators of one tensor give for each of the 256 values, with the default interpreter's
// arithmetic: TensorFlow Lite's integers for HARD_SWISH and the RELUs, XNNPACK's for all others.
#ifndef UBP_DELEGATE_CPU_OPERATORS_INT8_TABLES_H_
#define UBP_DELEGATE_CPU_OPERATORS_INT8_TABLES_H_

#include <array>
#include <cstdint>

#include "delegate/graph/activation_range.h"
#include "delegate/graph/ops.h"
#include "delegate/graph/quantization.h"

namespace ubp {

// Of value q at place q + 128.
using Int8Table = std::array<int8_t, 256>;

struct Int8Scales {
  Quantization input;
  Quantization output;
};

// kHardSwish, kLogistic, kTanh, kElu or kLeakyRelu.
Int8Table TableOf(const UnaryFunction& function, const Int8Scales& scales);

// RELU and the like, standing alone.
Int8Table ClampTable(Activation activation, const Int8Scales& scales);

// The same numbers in another scale.
Int8Table RequantizationTable(const Int8Scales& scales);

// kAdd, kSubtract or kMultiply of a tensor and a constant, which may come first.
Int8Table ArithmeticTable(Elementwise function, const Int8Constant& constant, bool constant_first,
                          Int8Range range, const Int8Scales& scales);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_INT8_TABLES_H_
