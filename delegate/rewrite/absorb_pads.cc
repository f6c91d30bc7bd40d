// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/absorb_pads.h"

#include <algorithm>
#include <vector>

#include "delegate/graph/dims.h"

namespace ubp {
namespace {

std::vector<ShapedOp*> ReadersOf(ShapedGraph* graph, int tensor) {
  std::vector<ShapedOp*> readers;
  for (ShapedOp& op : graph->ops) {
    if (op.input == tensor || op.ReadsAsWell(tensor)) readers.push_back(&op);
  }
  return readers;
}

}  // namespace

bool TakesPad(const GraphOp& op, const PadOp& pad) {
  if (!HasWindow(op) || AttributesOf(op).padding != Padding::kValid) return false;
  if (pad.value != 0.0f) return pad.is_least() && op.type() == OpType::kMaxPool2D;
  // Beside an image of int8 lies its zero point, which no average of integers knows.
  return !op.is_int8() || op.type() != OpType::kAveragePool2D;
}

Status AbsorbPads(ShapedGraph* graph) {
  for (size_t i = 0; i < graph->ops.size();) {
    const ShapedOp pad = graph->ops[i];
    const auto* kind = pad.op->If<PadOp>();
    if (kind == nullptr || !graph->IsInternal(pad.output)) {
      ++i;
      continue;
    }
    const std::vector<ShapedOp*> readers = ReadersOf(graph, pad.output);
    const auto takes = [&](const ShapedOp* op) { return TakesPad(*op->op, *kind); };
    if (!std::all_of(readers.begin(), readers.end(), takes)) {
      ++i;
      continue;
    }
    for (ShapedOp* reader : readers) {
      reader->input = pad.input;
      reader->Absorb(pad);
      reader->ignores_padding = kind->value != 0.0f;
      const Status status = InferShape(*reader->op, {graph->tensors[pad.input].dims}, kind->pads,
                                       &reader->shape, &graph->tensors[reader->output].dims);
      if (!status.ok()) return Status::Error(reader->op->label + ": " + status.message());
    }
    graph->ops.erase(graph->ops.begin() + static_cast<ptrdiff_t>(i));
  }
  return Status::Ok();
}

}  // namespace ubp
