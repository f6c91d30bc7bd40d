// SPDX-License-Identifier: Apache-2.0
// PAD that becomes the padding of the windows behind it.
#ifndef UBP_DELEGATE_REWRITE_ABSORB_PADS_H_
#define UBP_DELEGATE_REWRITE_ABSORB_PADS_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// Whether zeros around what an op reads may become its padding.
bool TakesPads(const GraphOp& op);

// Where only windows with VALID padding read what a PAD writes, they read its input instead, with
// these zeros around it. Fails where a window with them is too large.
Status AbsorbPads(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_ABSORB_PADS_H_
