// SPDX-License-Identifier: Apache-2.0
// How long a step of a program takes, and which ops of the model it runs.
#ifndef UBP_DELEGATE_BACKEND_STEP_PROFILE_H_
#define UBP_DELEGATE_BACKEND_STEP_PROFILE_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "delegate/graph/shaped_graph.h"

namespace ubp {

struct ProfiledOp {
  int node;  // in the model; -1 of an op that the planner added
  std::string label;
};

// Times are by the clock, as the thread that runs the plan sees them, whatever the number of threads
// that help it.
struct StepProfile {
  std::vector<ProfiledOp> ops;  // in the order of the model
  bool is_conversion = false;   // of what these ops computed, to its other form
  // Of the convolutions and fully-connected layers in one run, as if no weight were zero; of the
  // pixels that are computed.
  int64_t multiply_adds = 0;
  int64_t runs = 0;
  int64_t total_ns = 0;
  int64_t least_ns = std::numeric_limits<int64_t>::max();

  void AddRun(int64_t ns) {
    ++runs;
    total_ns += ns;
    least_ns = std::min(least_ns, ns);
  }
};

// Adds an op, with all that it absorbed, and its multiply-adds unless the step is a conversion.
void Describe(const ShapedOp& op, StepProfile* profile);
// Of the type kDepthwiseConv2D, or another kind with a window or weights; 0 for other ops.
int64_t MultiplyAddsOf(OpType type, const ConvShape& shape);
// Names in the order of the model.
void SortNames(StepProfile* profile);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_STEP_PROFILE_H_
