// SPDX-License-Identifier: Apache-2.0
// Ops that compute nothing that is needed.
#ifndef UBP_DELEGATE_REWRITE_DROP_UNNEEDED_H_
#define UBP_DELEGATE_REWRITE_DROP_UNNEEDED_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// Removes ops that write nothing, or what nobody reads.
void DropUnneeded(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_DROP_UNNEEDED_H_
