// SPDX-License-Identifier: Apache-2.0
// Nodes that together are one layer normalisation over the last axis.
//
// With M the mean of x, and I = 1 / sqrt(variance + epsilon), converters write it as
//
//   x * (I * scale) + (offset - M * (I * scale))      or      (x - M) * I * scale + offset
//
// of MEAN, SQUARED_DIFFERENCE, SUB, MUL, ADD, NEG and RSQRT, in ten nodes or so. The delegate takes them as
// one op (LayerNormOp), which reads x once, or leaves them all. It does not take the pieces by themselves:
// means over channels, and operands that are spread out over channels, would each need an operator and
// costs of their own in every backend, and pass over the tensor ten times as well.
//
// What nodes compute is followed through the graph by what it is in terms of x, M and I. So the order of
// operands and factors does not matter, and nothing else is taken for it.
#ifndef UBP_DELEGATE_TFLITE_MODEL_LAYER_NORM_NODES_H_
#define UBP_DELEGATE_TFLITE_MODEL_LAYER_NORM_NODES_H_

#include <cstddef>
#include <vector>

#include "delegate/backend/backend.h"
#include "delegate/tflite/model/partition.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Makes the last node of each layer normalisation that `backend` supports one op (ClaimResult::is_whole),
// and the nodes before it a part of that (is_part). Returns those, by the last node; `nodes[i]` is what
// `decisions[i]` is about. Constants are in the model as they are read. What the nodes pass on to each other
// nobody else reads, and it is no output of the model.
std::vector<std::vector<size_t>> FindLayerNorms(TfLiteContext* context,
                                                const std::vector<TfLiteNode*>& nodes,
                                                const Backend& backend,
                                                std::vector<NodeDecision>* decisions);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_LAYER_NORM_NODES_H_
