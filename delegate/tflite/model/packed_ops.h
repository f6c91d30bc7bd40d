// SPDX-License-Identifier: Apache-2.0
// The operators of converted layers: UbpConv2D, UbpFullyConnected and UbpTransposeConv2D.
#ifndef UBP_DELEGATE_TFLITE_MODEL_PACKED_OPS_H_
#define UBP_DELEGATE_TFLITE_MODEL_PACKED_OPS_H_

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/tflite/model/node_view.h"

namespace ubp {

// The type of its activations, as far as the first one says.
ElementType PackedElements(const NodeView& node);

// Makes `op`, but for its label and tensors, that of a converted layer.
void SetPackedLayer(const LayerWeights& layer, GraphOp* op);

// Reads and checks the node of a converted layer, its packed bytes included.
Status ReadPackedOp(OpKind kind, const NodeView& node, GraphOp* op);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_PACKED_OPS_H_
