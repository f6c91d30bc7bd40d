// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/drop_unneeded.h"

#include <iterator>
#include <set>
#include <utility>

#include "delegate/graph/dims.h"

namespace ubp {

void DropUnneeded(ShapedGraph* graph) {
  std::set<int> read;
  std::vector<ShapedOp> needed;
  for (auto op = graph->ops.rbegin(); op != graph->ops.rend(); ++op) {
    const bool is_read = !graph->IsInternal(op->output) || read.count(op->output) > 0;
    if (!is_read || ElementsOf(graph->tensors[op->output].dims) == 0) continue;
    for (const int input : op->Inputs()) read.insert(input);
    needed.push_back(std::move(*op));
  }
  graph->ops.assign(std::make_move_iterator(needed.rbegin()),
                    std::make_move_iterator(needed.rend()));
}

}  // namespace ubp
