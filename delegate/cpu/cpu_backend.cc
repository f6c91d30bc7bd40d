#include "delegate/cpu/cpu_backend.h"

#include <utility>

#include "delegate/cpu/costs.h"
#include "delegate/cpu/plan/plan.h"
#include "delegate/cpu/weights/packed_weights.h"

namespace ubp {
namespace {

class CpuProgram : public Program {
 public:
  CpuProgram(std::unique_ptr<Plan> plan, std::shared_ptr<ThreadPool> pool)
      : plan_(std::move(plan)), pool_(std::move(pool)) {}

  Status Run(const std::vector<float*>& tensors) override {
    plan_->Run(tensors, pool_.get());
    return Status::Ok();
  }

  size_t arena_bytes() const override { return plan_->arena_bytes(); }
  size_t prepared_bytes() const override { return plan_->prepared_bytes(); }
  const std::vector<StepProfile>& profile() const override { return plan_->profile(); }

 private:
  std::unique_ptr<Plan> plan_;
  std::shared_ptr<ThreadPool> pool_;
};

class CpuPackedGraph : public PackedGraph {
 public:
  CpuPackedGraph(const Graph& graph, const InstructionSet* isa, const PlanRules& rules)
      : graph_(graph), isa_(isa), rules_(rules) {}

  Status Compile(const CompileOptions& options, std::vector<Dims>* dims,
                 std::unique_ptr<Program>* program) override {
    PlanOptions plan_options;
    plan_options.isa = isa_;
    plan_options.rules = rules_;
    plan_options.threads = options.pool->threads();
    plan_options.profile = options.profile;
    std::unique_ptr<Plan> plan;
    UBP_RETURN_IF_ERROR(Plan::Make(graph_, plan_options, &weights_, dims, &plan));
    *program = std::make_unique<CpuProgram>(std::move(plan), options.pool);
    return Status::Ok();
  }

  size_t weight_bytes() const override { return weights_.bytes(); }
  int64_t packings() const override { return weights_.packings(); }

 private:
  const Graph& graph_;
  const InstructionSet* isa_;
  PlanRules rules_;
  PackedWeights weights_;
};

class CpuBackend : public Backend {
 public:
  CpuBackend(const InstructionSet* isa, const PlanRules& rules) : isa_(isa), rules_(rules) {}

  const char* name() const override { return isa_ != nullptr ? isa_->name : "reference"; }

  Status Supports(const GraphOp& op) const override {
    const bool is_layer = op.If<Conv2DOp>() || op.If<FullyConnectedOp>();
    if (isa_ != nullptr || is_layer) return Status::Ok();
    return Status::Error("kernel=reference runs convolutions and fully-connected layers only.");
  }

  const CostModel& costs() const override { return CpuCosts(); }

  std::unique_ptr<PackedGraph> Pack(const Graph& graph) const override {
    return std::make_unique<CpuPackedGraph>(graph, isa_, rules_);
  }

 private:
  const InstructionSet* isa_;
  PlanRules rules_;
};

}  // namespace

std::shared_ptr<const Backend> MakeCpuBackend(const InstructionSet* isa, const PlanRules& rules) {
  return std::make_shared<CpuBackend>(isa, rules);
}

}  // namespace ubp
