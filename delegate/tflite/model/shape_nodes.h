// SPDX-License-Identifier: Apache-2.0
// Nodes that compute nothing but the shape that a RESHAPE or TRANSPOSE_CONV gives its output.
//
// For a Reshape layer in a model whose batch is open the converter writes
//
//   RESHAPE(x, PACK(STRIDED_SLICE(SHAPE(x), ...), constants))
//
// where each slice is one size of x; for a transposed convolution it does likewise. The delegate computes such a shape itself. Left to the
// interpreter these nodes would cut the stretch in two, because the second part would have to wait
// for them.
#ifndef UBP_DELEGATE_TFLITE_MODEL_SHAPE_NODES_H_
#define UBP_DELEGATE_TFLITE_MODEL_SHAPE_NODES_H_

#include <cstddef>
#include <vector>

#include "delegate/tflite/model/partition.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// `nodes[i]` is what `decisions[i]` is about.

// Reads the shapes that are computed as above (ClaimResult::reshape). One that is computed in any
// other way, or given when the model runs, can be anything: that node is left.
void ReadComputedShapes(const TfLiteContext& context, const std::vector<TfLiteNode*>& nodes,
                        std::vector<NodeDecision>* decisions);

// For each node with such a shape that can be taken, the nodes above that it needs; none if other
// nodes read what they compute.
std::vector<std::vector<size_t>> FindShapeNodes(const TfLiteContext& context,
                                                const std::vector<TfLiteNode*>& nodes,
                                                const std::vector<NodeDecision>& decisions);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_SHAPE_NODES_H_
