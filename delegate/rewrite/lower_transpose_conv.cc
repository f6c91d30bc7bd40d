// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/lower_transpose_conv.h"

#include <utility>
#include <vector>

#include "delegate/rewrite/lowering.h"

namespace ubp {
namespace {

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
