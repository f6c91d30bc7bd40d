// SPDX-License-Identifier: Apache-2.0
// What the makers of steps share: the buffers of a layout's tensors, and the list of steps.
#ifndef UBP_DELEGATE_CPU_PLAN_STEP_BUILDER_H_
#define UBP_DELEGATE_CPU_PLAN_STEP_BUILDER_H_

#include <memory>
#include <utility>
#include <vector>

#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/make_operators.h"
#include "delegate/cpu/plan/steps.h"

namespace ubp {

// Of a channel-major tensor.
PlaneTensor PlanesOf(const TensorLayout& tensor);

class StepBuilder {
 public:
  // Makes the buffers of all tensors.
  StepBuilder(const OperatorContext& context, std::vector<std::unique_ptr<Step>>* steps,
              std::vector<Buffer>* buffers);

  const OperatorContext& context() const { return context_; }
  const InstructionSet& isa() const { return *context_.isa; }
  const Int8Kernels& int8() const { return *context_.int8; }
  const TensorLayout& Tensor(int tensor) const { return context_.layout.tensors[tensor]; }

  // The buffer of a tensor as an image, or channel-major, as which the layout has it; or kNoBuffer.
  static constexpr int kNoBuffer = -1;
  int Nhwc(int tensor) const { return nhwc_[tensor]; }
  int Planes(int tensor) const { return planes_[tensor]; }
  const Quantization& QuantizationOf(int tensor) const { return Tensor(tensor).type.quantization; }

  // The word around the pixels of a tensor's planes: zero, or four bytes that stand for it.
  float Around(int tensor) const;
  // The buffers of an op's inputs and output, all in one layout but for vectors, which are images.
  std::vector<int> BuffersOf(const PlannedOp& op) const;

  template <class Kind, class... Arguments>
  void Add(Arguments&&... arguments) {
    steps_.push_back(std::make_unique<Kind>(std::forward<Arguments>(arguments)...));
  }
  void Add(std::unique_ptr<Step> step) { steps_.push_back(std::move(step)); }

 private:
  void MakeBuffers();

  const OperatorContext& context_;
  std::vector<std::unique_ptr<Step>>& steps_;
  std::vector<Buffer>& buffers_;
  std::vector<int> nhwc_;    // by tensor
  std::vector<int> planes_;  // by tensor
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_STEP_BUILDER_H_
