// SPDX-License-Identifier: Apache-2.0
// What the readers of builtin operators share.
//
// A reader fills in a GraphOp's activation and details. The node has as many
// inputs as its BuiltinOp allows, its activations and its output are fit (CheckActivation), the
// activations of the rank it asks for.
#ifndef UBP_DELEGATE_TFLITE_MODEL_BUILTIN_READERS_H_
#define UBP_DELEGATE_TFLITE_MODEL_BUILTIN_READERS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/dims.h"
#include "delegate/graph/graph.h"
#include "delegate/tflite/model/builtin_ops.h"
#include "delegate/tflite/model/builtin_params.h"
#include "delegate/tflite/model/node_view.h"

namespace ubp {

// The places of most operators' inputs.
inline constexpr int kActivationInput = 0;
inline constexpr int kConstantInput = 1;  // weights, axes, paddings or shape
inline constexpr int kBiasInput = 2;

Status CheckRange(const std::string& what, int64_t value, int64_t min, int64_t max);
Status CheckRank(const TfLiteTensor* tensor, const std::string& what, size_t rank);
// Of an int8 op, whose inputs and output must stand for the same numbers: it only moves or compares
// them.
Status CheckSameQuantization(const NodeView& node, const std::vector<int>& inputs,
                             const GraphOp& op);
// Of an int8 layer that reads input `input`: sums are scaled by factors that XNNPACK takes, which computes it otherwise.
Status CheckRequantization(const NodeView& node, int input,
                           const std::vector<float>& weight_scales);
// A fused activation that is a clamp.
Status ReadActivation(builtin::Activation activation, Activation* out);

template <typename Params>
Status ReadParams(const NodeView& node, const Params** params) {
  *params = node.Parameters<Params>();
  return *params ? Status::Ok() : Status::Error("the op has no parameters.");
}

// In place of a number of activations: all inputs, or all that are not constant.
inline constexpr int kAllInputs = -1;
inline constexpr int kNotConstant = -2;
inline constexpr int kThird = -3;  // only the third input: of TRANSPOSE_CONV
inline constexpr int kAnyNumber = std::numeric_limits<int>::max();

// The rows of one file of readers.
struct BuiltinOps {
  const BuiltinOp* rows;
  size_t count;
};

BuiltinOps LayerOps();          // builtin_layers.cc: operators with weights or a window
BuiltinOps TransposeConvOps();  // builtin_transpose_conv.cc
BuiltinOps ElementwiseOps();    // builtin_elementwise.cc
BuiltinOps ShapingOps();        // builtin_shaping.cc: operators that rearrange or reduce

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_BUILTIN_READERS_H_
