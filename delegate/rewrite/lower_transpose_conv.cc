// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/lower_transpose_conv.h"

#include <utility>
#include <vector>

namespace ubp {
namespace {

// An op of the same node with one input.
GraphOp OpLike(const GraphOp& original, OpDetails details, int input, int output) {
  GraphOp op;
  op.label = original.label;
  op.node = original.node;
  op.elements = original.elements;
  op.inputs = {input};
  op.output = output;
  op.details = std::move(details);
  return op;
}

// Of the type of another one.
int NewTensorLike(int tensor, Graph* graph) {
  const TensorType type = graph->tensors[tensor].type;
  graph->tensors.emplace_back();
  graph->tensors.back().type = type;
  return static_cast<int>(graph->tensors.size()) - 1;
}

bool IsNone(const Pads& pads) {
  return pads.top == 0 && pads.bottom == 0 && pads.left == 0 && pads.right == 0;
}

}  // namespace

void LowerTransposeConvs(Graph* graph) {
  std::vector<GraphOp> ops;
  for (GraphOp& op : graph->ops) {
    const auto* transposed = op.If<TransposeConv2DOp>();
    if (transposed == nullptr) {
      ops.push_back(std::move(op));
      continue;
    }
    int input = op.inputs[0];
    if (!IsNone(transposed->pads)) {
      const int padded = NewTensorLike(input, graph);
      ops.push_back(OpLike(op, PadOp{{}, transposed->pads}, input, padded));
      input = padded;
    }
    const int phases = NewTensorLike(op.output, graph);
    ops.push_back(OpLike(op, Conv2DOp{{}, transposed->layer}, input, phases));
    ops.back().activation = op.activation;
    ops.push_back(OpLike(op, transposed->blocks, phases, op.output));
  }
  graph->ops = std::move(ops);
}

}  // namespace ubp
