// SPDX-License-Identifier: Apache-2.0
// A fused activation as the kernels apply it: a clamp.
#ifndef UBP_DELEGATE_GRAPH_ACTIVATION_RANGE_H_
#define UBP_DELEGATE_GRAPH_ACTIVATION_RANGE_H_

#include "delegate/format/attributes.h"
#include "delegate/graph/quantization.h"

namespace ubp {

// The bounds of a fused activation, infinite where it has none.
struct ActivationRange {
  float min;
  float max;
};
ActivationRange RangeOf(Activation activation);

// The same of an int8 tensor: bounds within -128 .. 127.
struct Int8Range {
  int min;
  int max;
};
Int8Range RangeOf(Activation activation, const Quantization& quantization);
// As TensorFlow Lite's own kernels round the bounds, where XNNPACK does not take an operator: they differ
// where a bound is half-way between two values.
Int8Range TfLiteRangeOf(Activation activation, const Quantization& quantization);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_ACTIVATION_RANGE_H_
