// SPDX-License-Identifier: Apache-2.0
// The CPU at a speed of its own, for tests of what is faster.
#ifndef UBP_TESTS_CPP_OPENCL_SLOW_BACKEND_H_
#define UBP_TESTS_CPP_OPENCL_SLOW_BACKEND_H_

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "delegate/cpu/cpu_backend.h"

namespace ubp::opencl {

// Takes so much longer for each run.
class SlowProgram : public Program {
 public:
  SlowProgram(std::unique_ptr<Program> program, int milliseconds)
      : program_(std::move(program)), milliseconds_(milliseconds) {}

  Status Run(const std::vector<void*>& tensors) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds_));
    return program_->Run(tensors);
  }
  std::string name() const override { return "cpu"; }
  size_t arena_bytes() const override { return program_->arena_bytes(); }
  size_t prepared_bytes() const override { return program_->prepared_bytes(); }
  const std::vector<StepProfile>& profile() const override { return program_->profile(); }

 private:
  std::unique_ptr<Program> program_;
  int milliseconds_;
};

class SlowPackedGraph : public PackedGraph {
 public:
  SlowPackedGraph(std::unique_ptr<PackedGraph> packed, int milliseconds)
      : packed_(std::move(packed)), milliseconds_(milliseconds) {}

  Status Compile(const CompileOptions& options, std::vector<Dims>* dims,
                 std::unique_ptr<Program>* program) override {
    std::unique_ptr<Program> made;
    UBP_RETURN_IF_ERROR(packed_->Compile(options, dims, &made));
    *program = std::make_unique<SlowProgram>(std::move(made), milliseconds_);
    return Status::Ok();
  }
  size_t weight_bytes() const override { return packed_->weight_bytes(); }
  int64_t packings() const override { return packed_->packings(); }

 private:
  std::unique_ptr<PackedGraph> packed_;
  int milliseconds_;
};

class SlowBackend : public Backend {
 public:
  explicit SlowBackend(int milliseconds)
      : cpu_(MakeCpuBackend(&BestInstructionSet(), PlanRules())), milliseconds_(milliseconds) {}

  const char* name() const override { return "cpu"; }
  Status Supports(const GraphOp& op) const override { return cpu_->Supports(op); }
  const CostModel& costs() const override { return cpu_->costs(); }
  std::unique_ptr<PackedGraph> Pack(const Graph& graph) const override {
    return std::make_unique<SlowPackedGraph>(cpu_->Pack(graph), milliseconds_);
  }

 private:
  std::shared_ptr<const Backend> cpu_;
  int milliseconds_;
};

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_SLOW_BACKEND_H_
