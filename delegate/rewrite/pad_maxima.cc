// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/pad_maxima.h"

#include <algorithm>
#include <vector>

#include "delegate/graph/activation_range.h"

namespace ubp {

void PadMaxima(ShapedGraph* graph) {
  std::vector<bool> non_negative(graph->tensors.size(), false);
  for (ShapedOp& op : graph->ops) {
    if (op.op->is_int8() || op.function) continue;
    const OpType type = op.op->type();
    const bool picks = type == OpType::kMaxPool2D || type == OpType::kConcatenation;
    const std::vector<int> inputs = op.Inputs();
    const bool of_non_negative =
        std::all_of(inputs.begin(), inputs.end(), [&](int input) { return non_negative[input]; });
    if (type == OpType::kMaxPool2D && of_non_negative) op.ignores_padding = false;
    non_negative[op.output] = RangeOf(op.activation).min >= 0.0f || (picks && of_non_negative);
  }
}

}  // namespace ubp
