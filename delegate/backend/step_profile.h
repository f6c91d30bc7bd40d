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

// What an op of a step has to do in one run, however it does it: what a limit of its time follows from.
// Activations count once, whatever windows or tiles read again, without what lies between pixels.
struct StepWork {
  const char* kind;  // KindOf its type, or "conversion"
  // Multiply-adds with the weights of its blocks or its windows; of poolings and means one for each
  // element that is reduced; of other ops one for each element that is written, if it is computed.
  int64_t operations = 0;
  int64_t weight_bytes = 0;  // as the kernels read them: values, places and bias
  // Activations from and to tensors that lie in memory as a whole.
  int64_t read_bytes = 0;
  int64_t written_bytes = 0;
  // From and to buffers between two ops of the step, which are `buffer_bytes` large together.
  int64_t buffer_read_bytes = 0;
  int64_t buffer_written_bytes = 0;
  int64_t buffer_bytes = 0;
};

// Times are by the clock, as the thread that runs the plan sees them, whatever the number of threads
// that help it.
struct StepProfile {
  std::vector<ProfiledOp> ops;  // in the order of the model
  bool is_conversion = false;   // of what these ops computed, to its other form
  // Of the convolutions and fully-connected layers in one run, as if no weight were zero; of the
  // pixels that are computed.
  int64_t multiply_adds = 0;
  std::vector<StepWork> work;  // on the CPU, in the order in which they run; int8 ops have none
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
// Such as "convolution" or "elementwise".
const char* KindOf(OpType type);
// Names in the order of the model.
void SortNames(StepProfile* profile);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_STEP_PROFILE_H_
