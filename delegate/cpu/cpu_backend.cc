// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/cpu_backend.h"

#include <utility>

#include "delegate/cpu/costs.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/cpu/plan/plan.h"
#include "delegate/weights/packed_weights.h"

namespace ubp {
namespace {

class CpuProgram : public Program {
 public:
  CpuProgram(std::unique_ptr<Plan> plan, std::shared_ptr<ThreadPool> pool, const char* name)
      : plan_(std::move(plan)), pool_(std::move(pool)), name_(name) {}

  Status Run(const std::vector<void*>& tensors) override {
    plan_->Run(tensors, pool_.get());
    return Status::Ok();
  }

  std::string name() const override { return name_; }
  size_t arena_bytes() const override { return plan_->arena_bytes(); }
  size_t prepared_bytes() const override { return plan_->prepared_bytes(); }
  const std::vector<StepProfile>& profile() const override { return plan_->profile(); }

 private:
  std::unique_ptr<Plan> plan_;
  std::shared_ptr<ThreadPool> pool_;
  const char* name_;
};

const char* NameOf(const InstructionSet* isa) { return isa != nullptr ? isa->name : "reference"; }

class CpuPackedGraph : public PackedGraph {
 public:
  CpuPackedGraph(const Graph& graph, const InstructionSet* isa, const Int8Kernels& int8,
                 const PlanRules& rules)
      : graph_(graph), isa_(isa), int8_(int8), rules_(rules) {}

  Status Compile(const CompileOptions& options, std::vector<Dims>* dims,
                 std::unique_ptr<Program>* program) override {
    PlanOptions plan_options;
    plan_options.isa = isa_;
    plan_options.int8 = &int8_;
    plan_options.rules = rules_;
    plan_options.threads = options.pool->threads();
    plan_options.profile = options.profile;
    std::unique_ptr<Plan> plan;
    UBP_RETURN_IF_ERROR(Plan::Make(graph_, plan_options, &weights_, dims, &plan));
    *program = std::make_unique<CpuProgram>(std::move(plan), options.pool,
                                            graph_.has_int8() ? int8_.name : NameOf(isa_));
    return Status::Ok();
  }

  size_t weight_bytes() const override { return weights_.bytes(); }
  int64_t packings() const override { return weights_.packings(); }

 private:
  const Graph& graph_;
  const InstructionSet* isa_;
  const Int8Kernels& int8_;
  PlanRules rules_;
  PackedWeights weights_;
};

// Converted layers must run, whatever the processor has.
const Int8Kernels& Int8Beside(const InstructionSet* isa) {
  const Int8Kernels* const best = BestInt8Kernels();
  const bool portable = isa == nullptr || isa == &kPortable || best == nullptr;
  return portable ? kInt8Portable : *best;
}

class CpuBackend : public Backend {
 public:
  CpuBackend(const InstructionSet* isa, const PlanRules& rules)
      : isa_(isa), int8_(Int8Beside(isa)), rules_(rules) {}

  const char* name() const override { return NameOf(isa_); }
  const char* NameFor(const GraphOp& op) const override {
    return op.is_int8() ? int8_.name : name();
  }

  Status Supports(const GraphOp& op) const override {
    if (op.is_int8()) return SupportsInt8(op);
    const bool is_layer = op.If<Conv2DOp>() || op.If<FullyConnectedOp>();
    if (isa_ != nullptr || is_layer) return Status::Ok();
    return Status::Error("kernel=reference runs convolutions and fully-connected layers only.");
  }

  const CostModel& costs() const override { return CpuCosts(); }

  std::unique_ptr<PackedGraph> Pack(const Graph& graph) const override {
    return std::make_unique<CpuPackedGraph>(graph, isa_, int8_, rules_);
  }

 private:
  Status SupportsInt8(const GraphOp& op) const {
    if (isa_ == nullptr) return Status::Error("kernel=reference runs float32 only.");
    if (isa_ != &kPortable && BestInt8Kernels() == nullptr) {
      return Status::Error("the op is int8, and the processor has no dot products of int8.");
    }
    const bool is_lowered = op.If<TransposeConv2DOp>() != nullptr;
    const bool is_there = is_lowered || CpuOpOf(op).add_steps != nullptr;
    return is_there ? Status::Ok() : Status::Error("the op is int8.");
  }

  const InstructionSet* isa_;
  const Int8Kernels& int8_;
  PlanRules rules_;
};

}  // namespace

std::shared_ptr<const Backend> MakeCpuBackend(const InstructionSet* isa, const PlanRules& rules) {
  return std::make_shared<CpuBackend>(isa, rules);
}

}  // namespace ubp
