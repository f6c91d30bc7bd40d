// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph/shaped_graph.h"

#include <algorithm>
#include <set>
#include <string>

#include "delegate/graph/dims.h"

namespace ubp {
namespace {

// What ADD, SUB or MUL with a constant operand computes; nothing for other ops.
std::optional<ChannelScale> ScaleOf(const GraphOp& op) {
  const auto* arithmetic = op.If<ArithmeticOp>();
  if (arithmetic == nullptr || arithmetic->constant.values == nullptr) return std::nullopt;
  const ConstantOperand& constant = arithmetic->constant;
  const std::vector<float> values(constant.values, constant.values + constant.count);
  if (arithmetic->function == Elementwise::kMultiply) {
    return ChannelScale{values, std::vector<float>(values.size(), 0.0f)};
  }
  const bool minus = arithmetic->function == Elementwise::kSubtract;
  ChannelScale scale;
  for (const float value : values) {
    scale.scale.push_back(minus && constant.first ? -1.0f : 1.0f);
    scale.offset.push_back(minus && !constant.first ? -value : value);
  }
  return scale;
}

// What an elementwise op of one tensor computes, but for its activation; nothing for other ops.
std::optional<UnaryFunction> FunctionOf(const GraphOp& op) {
  if (op.If<ClampOp>()) return UnaryFunction{Elementwise::kScale};  // times one, plus zero
  const auto* kind = op.If<FunctionOp>();
  if (kind == nullptr) return std::nullopt;
  UnaryFunction function = kind->function;
  if (kind->constant.count == 1) function.s = kind->constant.values[0];
  if (kind->constant.count > 1) function.channels = kind->constant.values;
  return function;
}

ShapedOp MakeShapedOp(const GraphOp& op) {
  ShapedOp shaped;
  shaped.op = &op;
  shaped.input = op.inputs[0];
  if (op.If<ConcatenationOp>()) {
    shaped.further.assign(op.inputs.begin() + 1, op.inputs.end());
  } else if (op.inputs.size() > 1) {
    shaped.second = op.inputs[1];
  }
  shaped.output = op.output;
  shaped.activation = op.activation;
  shaped.ignores_padding = op.If<Pool2DOp>() && AttributesOf(op).padding == Padding::kSame;
  shaped.function = FunctionOf(op);
  shaped.scale = ScaleOf(op);
  return shaped;
}

Dims InputDims(const ConvShape& s) { return {s.batch, s.in_h, s.in_w, s.in_c}; }
Dims OutputDims(const ConvShape& s) { return {s.batch, s.out_h, s.out_w, s.out_c}; }

bool PadsAreExact(const ConvShape& shape) {
  ConvShape exact = shape;
  exact.SetTrailingPads();
  return exact.pad_bottom == shape.pad_bottom && exact.pad_right == shape.pad_right;
}

// A sentence without its full stop; empty if there is no fault.
std::string OrderFault(const ShapedGraph& graph, const ShapedOp& op, std::set<int>* written) {
  for (const int input : op.Inputs()) {
    const ShapedTensor& tensor = graph.tensors[input];
    const bool is_there = tensor.storage == Storage::kInput || written->count(input) > 0 ||
                          ElementsOf(tensor.dims) == 0;
    if (!is_there) return "tensor " + std::to_string(input) + " is read before it is written";
  }
  const bool is_new = written->insert(op.output).second;
  const bool may_be_written = graph.tensors[op.output].storage != Storage::kInput;
  return is_new && may_be_written ? "" : "its output is written twice";
}

std::string ShapeFault(const ShapedGraph& graph, const ShapedOp& op) {
  const Dims& output = graph.tensors[op.output].dims;
  if (ElementsOf(output) == 0) return "the output is empty";
  if (op.op->type() == OpType::kConv2D && op.second >= 0 &&
      graph.tensors[op.second].dims != output) {
    return "the residual is no tensor of the output's shape";
  }
  if (graph.tensors[op.output].type.elements != op.op->elements) {
    return "the output has elements of another type";
  }
  if (!HasWindow(*op.op)) return "";
  if (!PadsAreExact(op.shape)) return "padding below or right is not what windows read there";
  if (InputDims(op.shape) != graph.tensors[op.input].dims) return "the input has another shape";
  return OutputDims(op.shape) == output ? "" : "the output has another shape";
}

}  // namespace

std::vector<int> ShapedOp::Inputs() const {
  std::vector<int> inputs = {input};
  if (second >= 0) inputs.push_back(second);
  inputs.insert(inputs.end(), further.begin(), further.end());
  return inputs;
}

bool ShapedOp::ReadsAsWell(int tensor) const {
  return second == tensor || std::find(further.begin(), further.end(), tensor) != further.end();
}

void ShapedOp::Absorb(const ShapedOp& other) {
  absorbed.push_back(other.op);
  absorbed.insert(absorbed.end(), other.absorbed.begin(), other.absorbed.end());
}

std::vector<int> ShapedGraph::ReadersOf() const {
  std::vector<int> readers(tensors.size(), 0);
  for (const ShapedOp& op : ops) {
    for (const int input : op.Inputs()) ++readers[input];
  }
  return readers;
}

bool PaddingIsZero(const ShapedOp& op) {
  return op.op->type() != OpType::kMaxPool2D || !op.ignores_padding || op.shape.unpadded();
}

Status MakeShapedGraph(const Graph& graph, const std::vector<Dims>& dims, ShapedGraph* shaped) {
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    shaped->tensors.push_back({graph.tensors[t].storage, dims[t], graph.tensors[t].type});
  }
  for (const GraphOp& op : graph.ops) {
    ShapedOp made = MakeShapedOp(op);
    std::vector<Dims> inputs;
    for (const int input : op.inputs) inputs.push_back(shaped->tensors[input].dims);
    const Status status =
        InferShape(op, inputs, Pads(), &made.shape, &shaped->tensors[op.output].dims);
    if (!status.ok()) return Status::Error(op.label + ": " + status.message());
    shaped->ops.push_back(std::move(made));
  }
  return Status::Ok();
}

Status VerifyShapedGraph(const ShapedGraph& graph) {
  std::set<int> written;
  for (const ShapedOp& op : graph.ops) {
    std::string fault = OrderFault(graph, op, &written);
    if (fault.empty()) fault = ShapeFault(graph, op);
    if (!fault.empty()) return Status::Error(op.op->label + ": " + fault + ".");
  }
  return Status::Ok();
}

}  // namespace ubp
