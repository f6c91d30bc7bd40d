// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/cancel_transposes.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace ubp {
namespace {

void Replace(int tensor, int by, ShapedOp* op) {
  if (op->input == tensor) op->input = by;
  if (op->second == tensor) op->second = by;
  std::replace(op->further.begin(), op->further.end(), tensor, by);
}

}  // namespace

void CancelTransposes(ShapedGraph* graph) {
  // By the tensor that each writes: every TRANSPOSE, and the first one of those that are taken back.
  std::map<int, const ShapedOp*> transposes, taken_back;
  for (ShapedOp& op : graph->ops) {
    const std::vector<int> inputs = op.Inputs();
    for (const int input : std::set<int>(inputs.begin(), inputs.end())) {
      const auto found = taken_back.find(input);
      if (found == taken_back.end()) continue;
      Replace(input, found->second->input, &op);
      op.Absorb(*transposes.at(input));
    }
    const auto* kind = op.op->If<TransposeOp>();
    if (kind == nullptr) continue;
    transposes[op.output] = &op;
    const auto first = transposes.find(op.input);
    if (first == transposes.end()) continue;
    const bool same = first->second->op->As<TransposeOp>().to_nhwc == kind->to_nhwc;
    if (!same) taken_back[op.output] = first->second;
  }
}

}  // namespace ubp
