// SPDX-License-Identifier: Apache-2.0
// Steps of ops with weights or a window.

#include <memory>
#include <utility>
#include <vector>

#include "delegate/cpu/plan/op_table.h"

namespace ubp {
namespace {

class ConvolutionStep : public Step {
 public:
  // Buffers: input, output, and the residual if there is one.
  ConvolutionStep(std::vector<int> buffers, std::unique_ptr<Convolution> convolution)
      : Step(std::move(buffers)), convolution_(std::move(convolution)) {}

  size_t scratch_floats() const override { return convolution_->scratch_floats(); }
  size_t prepared_bytes() const override { return convolution_->prepared_bytes(); }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    ConvBuffers buffers;
    buffers.input = At(memory, 0);
    buffers.output = At(memory, 1);
    if (Step::buffers().size() > 2) buffers.residual = At(memory, 2);
    buffers.scratch = scratch;
    convolution_->Run(buffers, pool);
  }

 private:
  std::unique_ptr<Convolution> convolution_;
};

// Of a WindowOperator or a PoolOperator.
template <class Window>
class WindowStep : public Step {
 public:
  WindowStep(int input, int output, Window window)
      : Step({input, output}), window_(std::move(window)) {}

  size_t scratch_floats() const override { return window_.scratch_floats(); }
  size_t prepared_bytes() const override { return window_.prepared_bytes(); }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    window_.Run(At(memory, 0), At(memory, 1), scratch, pool);
  }

 private:
  Window window_;
};

}  // namespace

Status AddConvolution(const PlannedOp& op, StepBuilder* builder) {
  std::unique_ptr<Convolution> convolution;
  UBP_RETURN_IF_ERROR(MakeConvolution(op, builder->context(), &convolution));
  const bool is_image = op.op->If<FullyConnectedOp>() || builder->context().isa == nullptr;
  const auto buffer_of = [&](int t) {
    return builder->Tensor(t).planes && !is_image ? builder->Planes(t) : builder->Nhwc(t);
  };
  std::vector<int> buffers = {buffer_of(op.input), buffer_of(op.output)};
  if (op.second >= 0) buffers.push_back(builder->Planes(op.second));
  builder->Add<ConvolutionStep>(std::move(buffers), std::move(convolution));
  return Status::Ok();
}

Status AddWindow(const PlannedOp& op, StepBuilder* builder) {
  const OperatorContext& context = builder->context();
  const int input = builder->Planes(op.input);
  const int output = builder->Planes(op.output);
  if (PoolsByRows(op)) {
    builder->Add<WindowStep<PoolOperator>>(input, output, MakePool(op, context, context.threads));
  } else {
    builder->Add<WindowStep<WindowOperator>>(input, output,
                                             MakeWindow(op, context, context.threads));
  }
  return Status::Ok();
}

}  // namespace ubp
