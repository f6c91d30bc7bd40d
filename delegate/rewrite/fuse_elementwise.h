// SPDX-License-Identifier: Apache-2.0
// Elementwise ops that become part of others.
#ifndef UBP_DELEGATE_REWRITE_FUSE_ELEMENTWISE_H_
#define UBP_DELEGATE_REWRITE_FUSE_ELEMENTWISE_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// Where an op alone reads a tensor inside the graph, it may become part of the op that writes it:
//
//   - RELU, RELU6 or RELU_N1_TO_1, of an op without an activation: its activation
//   - ADD, SUB or MUL with a constant, of another such op without an activation: one scale and
//     offset for both
//   - LOG of EXP plus one: softplus, one op
//   - MUL of a tensor with the LOGISTIC of that tensor: swish, one op; with TANH of its softplus:
//     mish, one op
void FuseElementwise(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_FUSE_ELEMENTWISE_H_
