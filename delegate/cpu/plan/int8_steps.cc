// SPDX-License-Identifier: Apache-2.0
// Steps of int8 ops with weights or a window, and changes of form. Tensors in planes are planes of
// quads, four channels of a pixel a word; images are the interpreter's bytes.

#include <memory>
#include <utility>
#include <vector>

#include "delegate/cpu/operators/int8_softmax.h"
#include "delegate/cpu/operators/quad_convolution.h"
#include "delegate/cpu/operators/quad_depthwise.h"
#include "delegate/cpu/operators/quad_pixel.h"
#include "delegate/cpu/operators/quad_planes.h"
#include "delegate/cpu/operators/quad_pool.h"
#include "delegate/cpu/operators/quad_resize.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/dims.h"

namespace ubp {
namespace {

// Channels of the blocks that a layer without zeros is cut into.
constexpr int kDenseBlockSize = 4;

QuadQuantization ScalesOf(const PlannedOp& op, const StepBuilder& builder) {
  const Quantization& input = builder.QuantizationOf(op.input);
  const Quantization output = op.before_sum.value_or(builder.QuantizationOf(op.output));
  return {input.scale, input.zero_point, output.scale, builder.int8().flip};
}

QuadConvLayout LayoutOf(const PlannedOp& op, const StepBuilder& builder) {
  const Quantization& output = builder.QuantizationOf(op.output);
  const Int8Range range = RangeOf(op.activation, output);
  return {builder.Tensor(op.input).geometry,
          builder.Tensor(op.output).geometry,
          builder.QuantizationOf(op.input).zero_point,
          output.zero_point,
          range.min,
          range.max};
}

// With what is added to its result, if anything is: then the activation is that of the sum.
QuadConvLayout ConvLayoutOf(const PlannedOp& op, const StepBuilder& builder) {
  QuadConvLayout layout = LayoutOf(op, builder);
  if (op.second < 0) return layout;
  const QuadOperands operands = {*op.before_sum, builder.QuantizationOf(op.second),
                                 builder.QuantizationOf(op.output), layout.min, layout.max};
  layout.residual = QuadResidual{builder.Tensor(op.second).geometry, operands};
  layout.output_zero_point = op.before_sum->zero_point;
  layout.min = -128;
  layout.max = 127;
  return layout;
}

int BlockSizeOf(const LayerWeights& layer) {
  if (layer.int8.weights == nullptr) return layer.attributes.block_size;
  return layer.int8.block_size > 0 ? layer.int8.block_size : kDenseBlockSize;
}

// From planes to planes.
template <class Operator>
class QuadStep : public Step {
 public:
  QuadStep(int input, int output, std::unique_ptr<Operator> quad_operator)
      : Step({input, output}), operator_(std::move(quad_operator)) {}

  size_t scratch_floats() const override { return operator_->scratch_floats(); }
  size_t prepared_bytes() const override { return operator_->prepared_bytes(); }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    operator_->Run(At(memory, 0), At(memory, 1), scratch, pool);
  }

 private:
  std::unique_ptr<Operator> operator_;
};

class QuadConvolutionStep : public Step {
 public:
  // Buffers: input, output, and the residual if there is one.
  QuadConvolutionStep(std::vector<int> buffers, std::unique_ptr<QuadConvolution> convolution)
      : Step(std::move(buffers)), convolution_(std::move(convolution)) {}

  size_t scratch_floats() const override { return convolution_->scratch_floats(); }
  size_t prepared_bytes() const override { return convolution_->prepared_bytes(); }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    const float* const residual = buffers().size() > 2 ? At(memory, 2) : nullptr;
    convolution_->Run(At(memory, 0), residual, At(memory, 1), scratch, pool);
  }

 private:
  std::unique_ptr<QuadConvolution> convolution_;
};

class Int8SoftmaxStep : public Step {
 public:
  Int8SoftmaxStep(int input, int output, const Int8Softmax& softmax)
      : Step({input, output}), softmax_(softmax) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    softmax_.Run(reinterpret_cast<const int8_t*>(At(memory, 0)),
                 reinterpret_cast<int8_t*>(At(memory, 1)), pool);
  }

 private:
  Int8Softmax softmax_;
};

// From image to image.
class QuadPixelStep : public Step {
 public:
  QuadPixelStep(int input, int output, std::unique_ptr<QuadPixelConvolution> convolution)
      : Step({input, output}), convolution_(std::move(convolution)) {}

  size_t scratch_floats() const override { return convolution_->scratch_floats(); }
  size_t prepared_bytes() const override { return convolution_->prepared_bytes(); }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    convolution_->Run(reinterpret_cast<const int8_t*>(At(memory, 0)),
                      reinterpret_cast<int8_t*>(At(memory, 1)), scratch, pool);
  }

 private:
  std::unique_ptr<QuadPixelConvolution> convolution_;
};

class QuadConversionStep : public Step {
 public:
  // From image to planes, or back.
  QuadConversionStep(int from, int to, bool from_image, PlaneTensor tensor, uint8_t flip)
      : Step({from, to}), from_image_(from_image), tensor_(std::move(tensor)), flip_(flip) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    if (from_image_) {
      const auto* image = reinterpret_cast<const int8_t*>(At(memory, 0));
      ImageToQuads(tensor_, flip_, image, At(memory, 1), pool);
    } else {
      QuadsToImage(tensor_, flip_, At(memory, 0), reinterpret_cast<int8_t*>(At(memory, 1)), pool);
    }
  }

 private:
  bool from_image_;
  PlaneTensor tensor_;
  uint8_t flip_;
};

// Of poolings: it takes maxima over windows that leave out no pixel.
bool IsTakenByXnnpack(const PlannedOp& op) {
  const LayerAttributes& a = AttributesOf(*op.op);
  return op.op->type() == OpType::kMaxPool2D && a.stride_h <= a.kernel_h &&
         a.stride_w <= a.kernel_w;
}

class QuadMeanStep : public Step {
 public:
  QuadMeanStep(int input, int output, PlaneTensor tensor, const Quantization& input_values,
               const Quantization& output_values, const Int8Kernels& kernels)
      : Step({input, output}),
        tensor_(std::move(tensor)),
        input_values_(input_values),
        output_values_(output_values),
        kernels_(kernels) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    MeanOfQuads(tensor_, input_values_, output_values_, kernels_, At(memory, 0),
                reinterpret_cast<int8_t*>(At(memory, 1)), pool);
  }

 private:
  PlaneTensor tensor_;
  Quantization input_values_;
  Quantization output_values_;
  const Int8Kernels& kernels_;
};

}  // namespace

void AddInt8Conversion(int tensor, bool from_image, StepBuilder* builder) {
  const TensorLayout& layout = builder->Tensor(tensor);
  const int image = builder->Nhwc(tensor);
  const int planes = builder->Planes(tensor);
  builder->Add<QuadConversionStep>(
      from_image ? image : planes, from_image ? planes : image, from_image,
      PlaneTensor{layout.geometry, layout.dims[0], layout.dims[3]}, builder->int8().flip);
}

Status AddInt8Convolution(const PlannedOp& op, StepBuilder* builder) {
  const OperatorContext& context = builder->context();
  std::shared_ptr<const QuadWeights> weights;
  UBP_RETURN_IF_ERROR(context.weights->Quads(*op.op, BlockSizeOf(*LayerOf(*op.op)),
                                             ScalesOf(op, *builder), &weights));
  if (RunsOnVectors(op)) {
    std::unique_ptr<QuadPixelConvolution> convolution;
    UBP_RETURN_IF_ERROR(QuadPixelConvolution::Make(std::move(weights), op.shape,
                                                   LayoutOf(op, *builder), builder->int8(),
                                                   context.threads, &convolution));
    builder->Add<QuadPixelStep>(builder->Nhwc(op.input), builder->Nhwc(op.output),
                                std::move(convolution));
    return Status::Ok();
  }
  std::unique_ptr<QuadConvolution> convolution;
  UBP_RETURN_IF_ERROR(QuadConvolution::Make(std::move(weights), op.shape,
                                            ConvLayoutOf(op, *builder), builder->int8(),
                                            context.threads, &convolution));
  std::vector<int> buffers = {builder->Planes(op.input), builder->Planes(op.output)};
  if (op.second >= 0) buffers.push_back(builder->Planes(op.second));
  builder->Add<QuadConvolutionStep>(std::move(buffers), std::move(convolution));
  return Status::Ok();
}

Status AddInt8Depthwise(const PlannedOp& op, StepBuilder* builder) {
  const OperatorContext& context = builder->context();
  std::unique_ptr<QuadDepthwise> depthwise;
  UBP_RETURN_IF_ERROR(
      QuadDepthwise::Make(context.weights->QuadDepthwise(*op.op, ScalesOf(op, *builder)), op.shape,
                          LayoutOf(op, *builder), builder->int8(), context.threads, &depthwise));
  builder->Add<QuadStep<QuadDepthwise>>(builder->Planes(op.input), builder->Planes(op.output),
                                        std::move(depthwise));
  return Status::Ok();
}

Status AddInt8Pool(const PlannedOp& op, StepBuilder* builder) {
  std::unique_ptr<QuadPool> pool;
  QuadConvLayout layout = LayoutOf(op, *builder);
  if (!IsTakenByXnnpack(op)) {
    const Int8Range range = TfLiteRangeOf(op.activation, builder->QuantizationOf(op.output));
    layout.min = range.min;
    layout.max = range.max;
  }
  const PoolKind kind = op.op->As<Pool2DOp>().kind;
  const bool zeros = kind == PoolKind::kMax && PaddingIsZero(op);
  UBP_RETURN_IF_ERROR(QuadPool::Make(kind, zeros ? QuadPadding::kZero : QuadPadding::kNothing,
                                     op.shape, layout, builder->int8(), builder->context().threads,
                                     &pool));
  builder->Add<QuadStep<QuadPool>>(builder->Planes(op.input), builder->Planes(op.output),
                                   std::move(pool));
  return Status::Ok();
}

Status AddInt8Mean(const PlannedOp& op, StepBuilder* builder) {
  const TensorLayout& input = builder->Tensor(op.input);
  builder->Add<QuadMeanStep>(builder->Planes(op.input), builder->Nhwc(op.output),
                             PlaneTensor{input.geometry, input.dims[0], input.dims[3]},
                             builder->QuantizationOf(op.input), builder->QuantizationOf(op.output),
                             builder->int8());
  return Status::Ok();
}

Status AddInt8Resize(const PlannedOp& op, StepBuilder* builder) {
  const auto& resize = op.op->As<ResizeOp>();
  if (resize.kind == ResizeKind::kNearest) return AddResize(op, builder);
  auto bilinear = std::make_unique<QuadResize>(
      resize, PlanesOf(builder->Tensor(op.input)), builder->Tensor(op.output).geometry,
      builder->QuantizationOf(op.output).zero_point, builder->int8(), builder->context().threads);
  builder->Add<QuadStep<QuadResize>>(builder->Planes(op.input), builder->Planes(op.output),
                                     std::move(bilinear));
  return Status::Ok();
}

Status AddInt8Softmax(const PlannedOp& op, StepBuilder* builder) {
  const Dims& dims = builder->Tensor(op.output).dims;
  const SoftmaxShape shape{static_cast<int>(ElementsOf(dims) / dims.back()), dims.back()};
  builder->Add<Int8SoftmaxStep>(
      builder->Nhwc(op.input), builder->Nhwc(op.output),
      Int8Softmax(shape, op.op->As<SoftmaxOp>().beta, builder->QuantizationOf(op.input).scale));
  return Status::Ok();
}

}  // namespace ubp
