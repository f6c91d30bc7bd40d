// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/absorb_depthwise.h"

#include "delegate/cpu/operators/window_operator.h"

namespace ubp {
namespace {

// The pointwise convolution that alone reads what a depthwise one writes, and may take it in.
PlannedOp* HostOf(const PlannedOp& op, int64_t least_elements, GraphLayout* layout) {
  const ConvShape& s = op.shape;
  if (op.op->type() != OpType::kDepthwiseConv2D || op.op->is_int8() || !s.unit_stride() ||
      !WindowReadsInPlace(s) || s.in_h != s.out_h || s.in_w != s.out_w ||
      layout->tensors[op.output].storage != Storage::kInternal ||
      s.out_pixels() * s.out_c < least_elements) {
    return nullptr;
  }
  PlannedOp* host = nullptr;
  for (PlannedOp& reader : layout->ops) {
    if (reader.ReadsAsWell(op.output)) return nullptr;
    if (reader.input != op.output) continue;
    if (host != nullptr || reader.op->type() != OpType::kConv2D || !reader.shape.pointwise()) {
      return nullptr;
    }
    host = &reader;
  }
  return host;
}

}  // namespace

void AbsorbDepthwise(int64_t least_elements, GraphLayout* layout) {
  for (size_t i = 0; i < layout->ops.size();) {
    const PlannedOp& op = layout->ops[i];
    PlannedOp* const host = HostOf(op, least_elements, layout);
    if (host == nullptr) {
      ++i;
      continue;
    }
    host->depthwise = AbsorbedDepthwise{op.op, op.shape, op.activation, op.function};
    host->input = op.input;
    host->Absorb(op);
    layout->ops.erase(layout->ops.begin() + static_cast<ptrdiff_t>(i));
  }
}

}  // namespace ubp
