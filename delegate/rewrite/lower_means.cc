// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/lower_means.h"

#include <utility>
#include <vector>

#include "delegate/rewrite/lowering.h"

namespace ubp {

void LowerMeans(Graph* graph) {
  std::vector<GraphOp> ops;
  for (GraphOp& op : graph->ops) {
    const auto* mean = op.If<MeanOp>();
    if (mean == nullptr || !mean->channels_first) {
      ops.push_back(std::move(op));
      continue;
    }
    const int image = NewTensorLike(op.inputs[0], graph);
    const int vector = mean->keep_dims ? NewTensorLike(op.output, graph) : op.output;
    ops.push_back(OpLike(op, TransposeOp{{}, true}, op.inputs[0], image));
    ops.push_back(OpLike(op, MeanOp(), image, vector));
    if (!mean->keep_dims) continue;
    ops.push_back(OpLike(op, ReshapeOp{{}, {OfInput(0), OfInput(1), 1, 1}}, vector, op.output));
  }
  graph->ops = std::move(ops);
}

}  // namespace ubp
