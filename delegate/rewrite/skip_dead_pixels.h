// SPDX-License-Identifier: Apache-2.0
// Pixels that nobody reads are not computed.
#ifndef UBP_DELEGATE_REWRITE_SKIP_DEAD_PIXELS_H_
#define UBP_DELEGATE_REWRITE_SKIP_DEAD_PIXELS_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// Where only pointwise convolutions of one stride read a tensor, all but every stride-th pixel of
// it is dead. Then the operator that writes it does so with that stride, and its readers have none.
// It may itself be a pointwise convolution that alone reads its input: so the rule is applied from
// the last operator to the first. A residual is subsampled by an operator of its own, to a new
// tensor.
void SkipDeadPixels(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_SKIP_DEAD_PIXELS_H_
