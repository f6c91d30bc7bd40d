// SPDX-License-Identifier: Apache-2.0
// What passes share that make several ops of one, before a graph has shapes.
#ifndef UBP_DELEGATE_REWRITE_LOWERING_H_
#define UBP_DELEGATE_REWRITE_LOWERING_H_

#include "delegate/graph/graph.h"

namespace ubp {

// An op of the same node with one input.
GraphOp OpLike(const GraphOp& original, OpDetails details, int input, int output);

// A new tensor of the graph, of the type of another one.
int NewTensorLike(int tensor, Graph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_LOWERING_H_
