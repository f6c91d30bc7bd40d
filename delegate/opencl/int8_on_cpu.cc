// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/int8_on_cpu.h"

#include <utility>

namespace ubp::opencl {
namespace {

class CostsOfBoth : public CostModel {
 public:
  CostsOfBoth(const CostModel& device, const CostModel& cpu) : device_(device), cpu_(cpu) {}

  const BlockCosts& blocks() const override { return device_.blocks(); }
  const BlockCosts& int8_blocks() const override { return cpu_.int8_blocks(); }
  void SetCosts(const OpToRun& op, CostNode* node) const override {
    (op.op->is_int8() ? cpu_ : device_).SetCosts(op, node);
  }
  CostTensor CostOfTensor(const Extent& extent, ElementType elements) const override {
    return (elements == ElementType::kInt8 ? cpu_ : device_).CostOfTensor(extent, elements);
  }
  void SetCostsOfParts(CostGraph* graph) const override { device_.SetCostsOfParts(graph); }

 private:
  const CostModel& device_;
  const CostModel& cpu_;
};

class Int8OnCpu : public Backend {
 public:
  Int8OnCpu(std::shared_ptr<const Backend> device, std::shared_ptr<const Backend> cpu)
      : device_(std::move(device)), cpu_(std::move(cpu)), costs_(device_->costs(), cpu_->costs()) {}

  const char* name() const override { return device_->name(); }
  const char* NameFor(const GraphOp& op) const override { return For(op).NameFor(op); }
  Status Supports(const GraphOp& op) const override { return For(op).Supports(op); }
  const CostModel& costs() const override { return costs_; }

  std::unique_ptr<PackedGraph> Pack(const Graph& graph) const override {
    return (graph.has_int8() ? cpu_ : device_)->Pack(graph);
  }

 private:
  const Backend& For(const GraphOp& op) const { return op.is_int8() ? *cpu_ : *device_; }

  const std::shared_ptr<const Backend> device_;
  const std::shared_ptr<const Backend> cpu_;
  const CostsOfBoth costs_;
};

}  // namespace

std::shared_ptr<const Backend> MakeInt8OnCpu(std::shared_ptr<const Backend> device,
                                             std::shared_ptr<const Backend> cpu) {
  return std::make_shared<Int8OnCpu>(std::move(device), std::move(cpu));
}

}  // namespace ubp::opencl
