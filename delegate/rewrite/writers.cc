// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/writers.h"

#include <algorithm>

namespace ubp {

ShapedOp* Writers::Sole(int tensor) {
  if (!graph_.IsInternal(tensor) || readers_[tensor] != 1) return nullptr;
  const auto writes = [&](const ShapedOp& op) { return op.output == tensor; };
  const auto found = std::find_if(graph_.ops.begin(), graph_.ops.end(), writes);
  return found == graph_.ops.end() ? nullptr : &*found;
}

ShapedOp* Writers::SolePlain(int tensor) {
  ShapedOp* const writer = Sole(tensor);
  return writer != nullptr && writer->activation == Activation::kNone ? writer : nullptr;
}

void Writers::Absorb(ShapedOp* op, ShapedOp* writer) {
  writer->output = op->output;
  writer->Absorb(*op);
  graph_.ops.erase(graph_.ops.begin() + (op - graph_.ops.data()));
}

}  // namespace ubp
