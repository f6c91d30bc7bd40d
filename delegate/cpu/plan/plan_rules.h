// SPDX-License-Identifier: Apache-2.0
// The optional rules of the planner, each with a switch, so that what it gains can be measured.
// Results do not depend on them.
#ifndef UBP_DELEGATE_CPU_PLAN_PLAN_RULES_H_
#define UBP_DELEGATE_CPU_PLAN_PLAN_RULES_H_

#include <cstdint>

#include "delegate/rewrite/rewrite.h"

namespace ubp {

struct PlanRules : RewriteRules {
  // Concatenations along channels are written where they lie (place_concatenations.h).
  bool place_concatenations = true;
  // Depthwise convolutions become part of the pointwise ones behind them, where the tensor between
  // them has at least `fuse_elements` elements: only one that does not stay in a core's L2 cache
  // from one op to the next is better computed in pieces.
  bool fuse_depthwise = true;
  int64_t fuse_elements = 256 * 1024;
  // Ops with large tensors between them run strip by strip (choose_strips.h).
  bool use_strips = true;
  // Elements of a tensor worth a row buffer.
  int64_t row_buffer_elements = 200 * 1024;
  // Floats of all row buffers of a group: they and the weights share a core's L2 cache. (Scaled to
  // the 512 KiB that another machine has, networks were 1.5% slower there.)
  int64_t most_row_buffer_floats = 160 * 1024;
  // Pixels that each operator computes at a time, at least: with fewer, tiles are cut badly, and
  // the processor forgets how many blocks start at each channel before it is back at a layer.
  int least_strip_pixels = 200;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_PLAN_RULES_H_
