// SPDX-License-Identifier: Apache-2.0
// PAD and PADV2 that become the padding of the windows behind them.
#ifndef UBP_DELEGATE_REWRITE_ABSORB_PADS_H_
#define UBP_DELEGATE_REWRITE_ABSORB_PADS_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// Whether what a pad puts around an image may become the padding of an op that reads it.
bool TakesPad(const GraphOp& op, const PadOp& pad);

// Where only windows with VALID padding read what a pad writes, they read its input instead: with
// zeros around it, or maxima with what they ignore. Fails where a window with them is too large.
Status AbsorbPads(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_ABSORB_PADS_H_
