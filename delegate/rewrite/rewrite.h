// SPDX-License-Identifier: Apache-2.0
// All rewriting passes, in order.
#ifndef UBP_DELEGATE_REWRITE_REWRITE_H_
#define UBP_DELEGATE_REWRITE_REWRITE_H_

#include "delegate/base/status.h"
#include "delegate/graph/shaped_graph.h"

namespace ubp {

// The optional passes, each with a switch, so that what it gains can be measured. Results do not
// depend on them.
struct RewriteRules {
  bool skip_dead_pixels = true;
  bool fuse_functions = true;
};

// Whether graphs and layouts are verified after every pass, unless a caller says otherwise: in debug
// builds, which those with sanitizers are. Tests ask for it.
#ifdef NDEBUG
inline constexpr bool kVerifyPasses = false;
#else
inline constexpr bool kVerifyPasses = true;
#endif

// Fails only where a window with absorbed pads is too large, or where a pass has left, with `verify`,
// what VerifyShapedGraph finds a fault in; the error then names the pass.
Status Rewrite(const RewriteRules& rules, bool verify, ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_REWRITE_H_
