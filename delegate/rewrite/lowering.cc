// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/lowering.h"

#include <utility>

namespace ubp {

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

int NewTensorLike(int tensor, Graph* graph) {
  const TensorType type = graph->tensors[tensor].type;
  graph->tensors.emplace_back();
  graph->tensors.back().type = type;
  return static_cast<int>(graph->tensors.size()) - 1;
}

}  // namespace ubp
