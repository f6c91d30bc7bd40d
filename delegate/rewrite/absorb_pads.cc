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

// Beside an image of int8 lies its zero point, which no average of integers knows.
bool TakesPads(const GraphOp& op) {
  if (op.is_int8() && op.type() == OpType::kAveragePool2D) return false;
  return HasWindow(op) && AttributesOf(op).padding == Padding::kValid;
}

Status AbsorbPads(ShapedGraph* graph) {
  for (size_t i = 0; i < graph->ops.size();) {
    const ShapedOp pad = graph->ops[i];
    const std::vector<ShapedOp*> readers = ReadersOf(graph, pad.output);
    const bool absorbed = pad.op->If<PadOp>() && graph->IsInternal(pad.output) &&
                          std::all_of(readers.begin(), readers.end(),
                                      [](const ShapedOp* op) { return TakesPads(*op->op); });
    if (!absorbed) {
      ++i;
      continue;
    }
    for (ShapedOp* reader : readers) {
      reader->input = pad.input;
      reader->Absorb(pad);
      const Status status =
          InferShape(*reader->op, {graph->tensors[pad.input].dims}, pad.op->As<PadOp>().pads,
                     &reader->shape, &graph->tensors[reader->output].dims);
      if (!status.ok()) return Status::Error(reader->op->label + ": " + status.message());
    }
    graph->ops.erase(graph->ops.begin() + static_cast<ptrdiff_t>(i));
  }
  return Status::Ok();
}

}  // namespace ubp
