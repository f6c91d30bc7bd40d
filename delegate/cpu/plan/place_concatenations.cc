// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/place_concatenations.h"

namespace ubp {
namespace {

// Puts an input that lies nowhere else at `plane` of `container`; returns the plane behind it.
int Place(GraphLayout* layout, int input, int container, int plane) {
  TensorLayout& tensor = layout->tensors[input];
  if (tensor.container < 0) {
    tensor.container = container;
    tensor.first_plane = plane;
  }
  return plane + tensor.planes_per_image();
}

}  // namespace

void PlaceConcatenations(GraphLayout* layout) {
  for (const PlannedOp& op : layout->ops) {
    if (op.op->type() != OpType::kConcatenation || !op.channel_major) continue;
    if (layout->tensors[op.output].dims[0] != 1) continue;
    int plane = Place(layout, op.input, op.output, 0);
    for (const int input : op.further) plane = Place(layout, input, op.output, plane);
  }
}

}  // namespace ubp
