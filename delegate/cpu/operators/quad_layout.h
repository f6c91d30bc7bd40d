// SPDX-License-Identifier: Apache-2.0
// Int8 tensors in planes of quads: how they lie, and what their values are as stored bytes.
//
// A quad is 4 consecutive channels of one pixel: 4 bytes, where a tensor of floats has one number. So
// a tensor of C channels lies as one of ceil(C / 4) channels of floats does (plane_geometry.h), and
// what only moves numbers moves quads too. Two things differ:
//
// - Bytes are stored as q ^ flip, where q is the value of the model's tensor (Int8Kernels::flip).
// - Elements that are no pixels hold the tensor's zero point in all 4 bytes, where floats are zero:
//   whoever writes a plane writes that there, or nothing.
//
// Channels of the last quad beyond C have any value.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_LAYOUT_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_LAYOUT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/graph/quantization.h"
#include "delegate/weights/quad_weights.h"

namespace ubp {

inline int QuadsOf(int channels) { return (channels + kQuad - 1) / kQuad; }

// Of a binary operator.
struct QuadOperands {
  Quantization a;
  Quantization b;
  Quantization output;
  int min = -128;  // of the fused activation
  int max = 127;
};

// What is added to a layer's result, as by an operator of its own (quad_elementwise.h), which it suits:
// `operands` has the result as a, the residual as b.
struct QuadResidual {
  PlaneGeometry geometry;  // with the pitch of the output
  QuadOperands operands;
};

// Where the input and output of a layer lie, in planes of quads, and what their values mean. Zero
// points and limits are those of the model's tensors, -128 .. 127, with min <= output_zero_point <=
// max.
struct QuadConvLayout {
  PlaneGeometry input;
  PlaneGeometry output;
  int input_zero_point = 0;
  int output_zero_point = 0;
  int min = -128;  // of the fused activation
  int max = 127;
  // Of a convolution: then what is stored is the sum. Zero point and limits above are the result's.
  std::optional<QuadResidual> residual = std::nullopt;
};

// A value of the model as it is stored, in the kernels' range.
inline int StoredValue(int value, const Int8Kernels& kernels) { return value + kernels.flip; }

// The quad of 4 such values, as kernels take it, and as code does that moves floats.
uint32_t StoredQuad(int value, const Int8Kernels& kernels);
float StoredElement(int value, const Int8Kernels& kernels);

// Of the output; `scales` are those that sums are multiplied with.
Requantization StoredRequantization(const QuadConvLayout& layout, const std::vector<float>& scales,
                                    const Int8Kernels& kernels);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_LAYOUT_H_
