// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions become what they are made of.
#ifndef UBP_DELEGATE_REWRITE_LOWER_TRANSPOSE_CONV_H_
#define UBP_DELEGATE_REWRITE_LOWER_TRANSPOSE_CONV_H_

#include "delegate/graph/graph.h"

namespace ubp {

// Each becomes a PAD, where it has pads, a CONV_2D, and a DEPTH_TO_SPACE, with new tensors between
// them. Before weights are packed: ops and their weights are new ones.
void LowerTransposeConvs(Graph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_LOWER_TRANSPOSE_CONV_H_
