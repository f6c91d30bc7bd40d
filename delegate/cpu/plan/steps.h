// SPDX-License-Identifier: Apache-2.0
// The steps of a plan: each runs one prepared operator on buffers known by number.
#ifndef UBP_DELEGATE_CPU_PLAN_STEPS_H_
#define UBP_DELEGATE_CPU_PLAN_STEPS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/backend/memory_plan.h"
#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/make_operators.h"

namespace ubp {

// What a step reads and writes: a tensor in one of its layouts. Memory is in words, which are floats, or
// four int8 elements each (quad_layout.h).
struct Buffer {
  size_t words = 0;
  int external = -1;     // the graph's input or output tensor whose memory this is, or -1
  MemoryForm form = {};  // of planes; zeros for an image
  uint32_t around = 0;   // of planes: the word around their pixels
  // Part of this buffer, from `offset` floats on, without memory of its own; or -1.
  int container = -1;
  int64_t offset = 0;
};

// Where a step comes from.
struct StepOrigin {
  // Ops [first_op, end_op) of the layout. None: an input of the graph.
  size_t first_op = 0;
  size_t end_op = 0;
  bool is_conversion = false;  // of their result, or of the input, to its other form
};

class Step {
 public:
  virtual ~Step() = default;

  // Buffers read and written, for the memory plan.
  const std::vector<int>& buffers() const { return buffers_; }
  // Whether the last of its buffers, which it writes, may be in the memory of any of the others
  // that is of the same size and form.
  virtual bool runs_in_place() const { return false; }
  virtual size_t scratch_floats() const { return 0; }
  // Memory held beside packed weights, scratch and buffers.
  virtual size_t prepared_bytes() const { return 0; }

  const StepOrigin& origin() const { return origin_; }
  void set_origin(const StepOrigin& origin) { origin_ = origin; }

  // `memory[b]` is that of buffer b; `scratch` is 64-byte aligned. Allocates nothing.
  virtual void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const = 0;

 protected:
  explicit Step(std::vector<int> buffers) : buffers_(std::move(buffers)) {}

  // The i-th of the step's own buffers.
  float* At(const std::vector<float*>& memory, size_t i) const { return memory[buffers_[i]]; }

 private:
  std::vector<int> buffers_;
  StepOrigin origin_;
};

// Turns a layout into steps in order, conversions between the layouts of a tensor included, and the
// buffers they use.
Status MakeSteps(const OperatorContext& context, std::vector<std::unique_ptr<Step>>* steps,
                 std::vector<Buffer>* buffers);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_STEPS_H_
