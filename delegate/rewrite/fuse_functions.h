// SPDX-License-Identifier: Apache-2.0
// Functions of one tensor that become part of the op in front of them.
#ifndef UBP_DELEGATE_REWRITE_FUSE_FUNCTIONS_H_
#define UBP_DELEGATE_REWRITE_FUSE_FUNCTIONS_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// A function that is no clamp, of a tensor that an op which takes functions computes for it alone: it is applied while
// what that op has computed is in the cache. After residuals have been absorbed.
void FuseFunctions(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_FUSE_FUNCTIONS_H_
