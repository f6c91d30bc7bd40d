// SPDX-License-Identifier: Apache-2.0
// A TRANSPOSE and the one behind it that takes it back.
#ifndef UBP_DELEGATE_REWRITE_CANCEL_TRANSPOSES_H_
#define UBP_DELEGATE_REWRITE_CANCEL_TRANSPOSES_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// What reads the second reads what the first does. Both stay, for DropUnneeded, where others read
// what they write.
void CancelTransposes(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_CANCEL_TRANSPOSES_H_
