// SPDX-License-Identifier: Apache-2.0
// A graph made ready for given input shapes: a flat list of steps whose kernels, sizes and memory
// are fixed.
#ifndef UBP_DELEGATE_CPU_PLAN_PLAN_H_
#define UBP_DELEGATE_CPU_PLAN_PLAN_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "delegate/backend/step_profile.h"
#include "delegate/base/aligned_buffer.h"
#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/plan_rules.h"
#include "delegate/cpu/plan/steps.h"
#include "delegate/graph/graph.h"
#include "delegate/weights/packed_weights.h"

namespace ubp {

struct PlanOptions {
  const InstructionSet* isa = nullptr;  // null: the reference, which runs block-sparse ops only
  int threads = 1;
  PlanRules rules;
  bool profile = false;               // whether runs are timed, step by step
  bool verify = kVerifyPasses;        // every pass of the planner (layout.h)
  const Int8Kernels* int8 = nullptr;  // null: the graph has no int8 ops
};

class Plan {
 public:
  // `dims[t]` are the dimensions of tensor t where it is an input; those of all others are filled
  // in. Weights that `weights`, which goes with the graph, does not have yet are packed. `graph` and
  // the weights it refers to must outlive the plan.
  static Status Make(const Graph& graph, const PlanOptions& options, PackedWeights* weights,
                     std::vector<Dims>* dims, std::unique_ptr<Plan>* plan);

  // Runs all steps. `tensors[t]` is the memory of tensor t where it is an input or output of the
  // graph. Allocates nothing. Not reentrant: the plan owns one arena.
  void Run(const std::vector<void*>& tensors, ThreadPool* pool);

  // Memory held for these shapes, beside packed weights; and for activations.
  size_t prepared_bytes() const;
  size_t arena_bytes() const { return arena_.bytes(); }

  // Of all steps, in order, over all runs; empty unless asked for.
  const std::vector<StepProfile>& profile() const { return profile_; }

 private:
  void PlaceBuffers();
  void RunTimed(ThreadPool* pool);

  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Buffer> buffers_;
  std::vector<float*> memory_;   // of each buffer
  std::vector<float*> scratch_;  // of each step
  AlignedBuffer arena_;
  std::vector<StepProfile> profile_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_PLAN_H_
