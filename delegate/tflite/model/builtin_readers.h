// How a node of each builtin operator is read, and the checks that the readers share.
//
// A reader fills in a GraphOp but for its label, type, inputs and output. The node has as many
// inputs as its BuiltinOp allows, its activations and its output are fit (CheckActivation), the
// activations of the rank it asks for.
#ifndef UBP_DELEGATE_TFLITE_MODEL_BUILTIN_READERS_H_
#define UBP_DELEGATE_TFLITE_MODEL_BUILTIN_READERS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/graph/shapes.h"
#include "delegate/tflite/model/builtin_params.h"
#include "delegate/tflite/model/node_view.h"

namespace ubp {

// The places of most operators' inputs.
inline constexpr int kActivationInput = 0;
inline constexpr int kConstantInput = 1;  // weights, axes, paddings or shape
inline constexpr int kBiasInput = 2;

Status CheckRange(const std::string& what, int64_t value, int64_t min, int64_t max);
Status CheckRank(const TfLiteTensor* tensor, const std::string& what, size_t rank);
// A fused activation that is a clamp.
Status ReadActivation(builtin::Activation activation, LayerAttributes* out);

template <typename Params>
Status ReadParams(const NodeView& node, const Params** params) {
  *params = node.Parameters<Params>();
  return *params ? Status::Ok() : Status::Error("the op has no parameters.");
}

// builtin_layers.cc: operators with weights or a window.
Status ReadConv2D(const NodeView& node, GraphOp* op);
Status ReadDepthwiseConv2D(const NodeView& node, GraphOp* op);
Status ReadFullyConnected(const NodeView& node, GraphOp* op);
Status ReadPool2D(const NodeView& node, GraphOp* op);

// builtin_elementwise.cc
Status ReadArithmetic(const NodeView& node, GraphOp* op);
Status ReadRelu(const NodeView& node, GraphOp* op);
Status ReadReluN1To1(const NodeView& node, GraphOp* op);
Status ReadRelu6(const NodeView& node, GraphOp* op);
Status ReadLeakyRelu(const NodeView& node, GraphOp* op);
Status ReadPRelu(const NodeView& node, GraphOp* op);
Status ReadGelu(const NodeView& node, GraphOp* op);
// A function without parameters.
template <Elementwise kFunction>
Status ReadFunction(const NodeView&, GraphOp* op) {
  op->function.function = kFunction;
  return Status::Ok();
}

// builtin_shaping.cc: operators that rearrange or reduce.
Status ReadMean(const NodeView& node, GraphOp* op);
Status ReadPad(const NodeView& node, GraphOp* op);
Status ReadReshape(const NodeView& node, GraphOp* op);
Status ReadConcatenation(const NodeView& node, GraphOp* op);
Status ReadSoftmax(const NodeView& node, GraphOp* op);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_BUILTIN_READERS_H_
