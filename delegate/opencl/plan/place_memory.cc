// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/place_memory.h"

#include <algorithm>
#include <limits>

#include "delegate/backend/memory_plan.h"

namespace ubp::opencl {
namespace {

struct Lifetime {
  int first = -1;  // -1: nobody reads or writes it
  int last = -1;
};

// Of tensors that are no part of another. All inputs are there before the first op.
std::vector<Lifetime> LifetimesOf(const ShapedGraph& graph,
                                  const std::vector<TensorOnDevice>& tensors) {
  std::vector<Lifetime> lifetimes(graph.tensors.size());
  const auto use = [&](int tensor, int step) {
    Lifetime& lifetime = lifetimes[OutermostOf(tensors, tensor)];
    if (lifetime.first < 0) lifetime.first = step;
    lifetime.first = std::min(lifetime.first, step);
    lifetime.last = std::max(lifetime.last, step);
  };
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const int step = static_cast<int>(i) + 1;
    for (const int input : graph.ops[i].Inputs()) {
      if (graph.tensors[input].storage == Storage::kInput) use(input, 0);
      use(input, step);
    }
    use(graph.ops[i].output, step);
  }
  return lifetimes;
}

// The tensors whose memory the output of an op may take over: those that its kernel reads only where it
// writes.
std::vector<int> HeirOf(const ShapedGraph& graph, const ShapedOp& op) {
  if (op.op->If<SoftmaxOp>() || IsElementwise(*op.op)) {
    std::vector<int> operands;
    for (const int operand : op.Inputs()) {
      if (graph.tensors[operand].dims == graph.tensors[op.output].dims) operands.push_back(operand);
    }
    return operands;
  }
  const bool has_residual = op.op->If<Conv2DOp>() && op.second >= 0 && op.second != op.input;
  return has_residual ? std::vector<int>{op.second} : std::vector<int>();
}

}  // namespace

Status PlaceMemory(const ShapedGraph& graph, const std::vector<TensorOnDevice>& tensors,
                   size_t alignment, std::vector<size_t>* places, size_t* arena) {
  const std::vector<Lifetime> lifetimes = LifetimesOf(graph, tensors);
  std::vector<BufferNeed> needs;
  std::vector<int> need_of(tensors.size(), -1);
  for (size_t t = 0; t < tensors.size(); ++t) {
    if (lifetimes[t].first < 0) continue;
    need_of[t] = static_cast<int>(needs.size());
    const TensorOnDevice& tensor = tensors[t];
    const int64_t elements = tensor.form.elements(tensor.size.batch * tensor.size.channels);
    needs.push_back({static_cast<size_t>(elements),
                     lifetimes[t].first,
                     lifetimes[t].last,
                     tensor.form.key(),
                     {}});
  }
  for (const ShapedOp& op : graph.ops) {
    if (need_of[op.output] < 0) continue;
    for (const int from : HeirOf(graph, op)) {
      if (need_of[from] >= 0) needs[need_of[op.output]].heir_of.push_back(need_of[from]);
    }
  }
  const MemoryPlan plan = PlanMemory(needs, alignment);
  if (plan.size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Status::Error("activations of " + std::to_string(plan.size) +
                         " elements are more than the 2^31 that the GPU can address here: use a "
                         "smaller batch, or backend=cpu.");
  }
  places->assign(tensors.size(), 0);
  for (size_t t = 0; t < tensors.size(); ++t) {
    if (need_of[t] >= 0) (*places)[t] = plan.offsets[need_of[t]];
  }
  *arena = plan.size;
  return Status::Ok();
}

}  // namespace ubp::opencl
