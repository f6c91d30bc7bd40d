// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph/graph.h"

#include <algorithm>

namespace ubp {
namespace {

template <class Rule>
bool Visit(const GraphOp& op, const Rule& rule) {
  return std::visit(rule, op.details);
}

}  // namespace

OpType GraphOp::type() const {
  return std::visit([](const auto& kind) { return kind.type(); }, details);
}

bool HasWindow(const GraphOp& op) {
  return Visit(op, [](const auto& kind) { return kind.kHasWindow; });
}

bool IsElementwise(const GraphOp& op) {
  return Visit(op, [](const auto& kind) { return kind.kIsElementwise; });
}

bool HasActivation(const GraphOp& op) {
  return Visit(op, [](const auto& kind) { return kind.kHasActivation; });
}

bool TakesFunction(const GraphOp& op) {
  return Visit(op, [](const auto& kind) { return kind.kTakesFunction; });
}

bool Graph::has_int8() const {
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const GraphTensor& tensor) { return tensor.type.is_int8(); });
}

const LayerWeights* LayerOf(const GraphOp& op) {
  if (const auto* conv = op.If<Conv2DOp>()) return &conv->layer;
  if (const auto* dense = op.If<FullyConnectedOp>()) return &dense->layer;
  if (const auto* transposed = op.If<TransposeConv2DOp>()) return &transposed->layer;
  return nullptr;
}

const LayerAttributes& AttributesOf(const GraphOp& op) {
  static const LayerAttributes kNone = Pool2DOp::WithoutChannels();
  if (const LayerWeights* layer = LayerOf(op)) return layer->attributes;
  if (const auto* depthwise = op.If<DepthwiseConv2DOp>()) return depthwise->attributes;
  if (const auto* pool = op.If<Pool2DOp>()) return pool->attributes;
  return kNone;
}

const ConstantOperand& ConstantOf(const GraphOp& op) {
  static const ConstantOperand kNone;
  if (const auto* arithmetic = op.If<ArithmeticOp>()) return arithmetic->constant;
  if (const auto* function = op.If<FunctionOp>()) return function->constant;
  return kNone;
}

Status InferShape(const GraphOp& op, const std::vector<Dims>& inputs, const Pads& padded,
                  ConvShape* shape, Dims* output) {
  for (const Dims& input : inputs) {
    if (input.empty()) return UnsuitableInput(input, "at least one dimension");
    UBP_RETURN_IF_ERROR(CheckElements(input));
  }
  // As the interpreter, which has nothing to do where there are no classes in int8.
  if (op.If<SoftmaxOp>() != nullptr && !op.is_int8() && inputs[0].back() == 0) {
    return UnsuitableInput(inputs[0], "at least one class");
  }
  const auto infer = [&](const auto& kind) { return kind.Infer({inputs, padded}, shape, output); };
  UBP_RETURN_IF_ERROR(std::visit(infer, op.details));
  return CheckElements(*output);
}

}  // namespace ubp
