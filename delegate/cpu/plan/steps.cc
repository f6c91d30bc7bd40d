#include "delegate/cpu/plan/steps.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "delegate/cpu/operators/convolution.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/operators/pool_operator.h"
#include "delegate/cpu/operators/window_operator.h"
#include "delegate/cpu/plan/choose_layouts.h"
#include "delegate/cpu/plan/elementwise_steps.h"
#include "delegate/cpu/plan/make_operators.h"
#include "delegate/cpu/plan/strip_step.h"
#include "delegate/graph/shapes.h"

namespace ubp {
namespace {

constexpr int kNone = -1;

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

class PadStep : public Step {
 public:
  PadStep(int input, int output, PlaneTensor tensor, PlaneGeometry to, const Pads& pads)
      : Step({input, output}), tensor_(std::move(tensor)), to_(std::move(to)), pads_(pads) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    PadPlanes(tensor_, At(memory, 0), to_, pads_.top, pads_.left, At(memory, 1), pool);
  }

 private:
  PlaneTensor tensor_;
  PlaneGeometry to_;
  Pads pads_;
};

// An operator on one channel-major tensor: mean, and the conversions.
class PlanesStep : public Step {
 public:
  using Function = void (*)(const PlaneTensor&, const float*, float*, ThreadPool*);

  PlanesStep(int input, int output, PlaneTensor tensor, Function function)
      : Step({input, output}), tensor_(std::move(tensor)), function_(function) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    function_(tensor_, At(memory, 0), At(memory, 1), pool);
  }

 private:
  PlaneTensor tensor_;
  Function function_;
};

class CopyStep : public Step {
 public:
  CopyStep(int input, int output, size_t floats) : Step({input, output}), floats_(floats) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool*) const override {
    std::copy_n(At(memory, 0), floats_, At(memory, 1));
  }

 private:
  size_t floats_;
};

class StepMaker {
 public:
  StepMaker(const OperatorContext& context, std::vector<std::unique_ptr<Step>>* steps,
            std::vector<Buffer>* buffers)
      : context_(context), layout_(context.layout), steps_(*steps), buffers_(*buffers) {}

  Status Make() {
    MakeBuffers();
    for (size_t t = 0; t < layout_.tensors.size(); ++t) {
      if (layout_.tensors[t].storage == Storage::kInput) Convert(static_cast<int>(t), true);
    }
    MarkNewSteps({0, 0, true});
    auto strips = layout_.strips.begin();
    for (size_t i = 0; i < layout_.ops.size(); ++i) {
      const size_t first = i;
      if (strips != layout_.strips.end() && strips->first_op == i) {
        UBP_RETURN_IF_ERROR(AddStrips(*strips));
        i = strips->end_op - 1;
        ++strips;
      } else {
        const Status status = AddStepFor(layout_.ops[i]);
        if (!status.ok()) return Status::Error(layout_.ops[i].op->label + ": " + status.message());
      }
      MarkNewSteps({first, i + 1, false});
      const int output = layout_.ops[i].output;
      Convert(output, !layout_.tensors[output].planes_first);
      MarkNewSteps({first, i + 1, true});
    }
    return Status::Ok();
  }

 private:
  void MakeBuffers() {
    for (size_t t = 0; t < layout_.tensors.size(); ++t) {
      const TensorLayout& tensor = layout_.tensors[t];
      const bool internal = tensor.storage == Storage::kInternal;
      image_.push_back(kNone);
      planes_.push_back(kNone);
      if (tensor.image && !tensor.dims.empty()) {
        image_.back() = static_cast<int>(buffers_.size());
        buffers_.push_back(
            {static_cast<size_t>(ElementsOf(tensor.dims)), internal ? -1 : static_cast<int>(t)});
      }
      if (tensor.planes) {
        planes_.back() = static_cast<int>(buffers_.size());
        const PlaneGeometry& g = tensor.geometry;
        const int images = tensor.windows > 0 ? tensor.windows : tensor.dims[0];
        buffers_.push_back({g.floats(int64_t{images} * tensor.dims[3]),
                            -1,
                            {g.height, g.width, g.pitch, g.lead, g.plane_stride}});
      }
    }
    for (size_t t = 0; t < layout_.tensors.size(); ++t) {
      const TensorLayout& tensor = layout_.tensors[t];
      if (tensor.container < 0) continue;
      buffers_[planes_[t]].container = planes_[tensor.container];
      buffers_[planes_[t]].offset = tensor.first_plane * tensor.geometry.plane_stride;
    }
  }

  // The buffers of an op's inputs and output, all in one form but for vectors, which are images.
  std::vector<int> BuffersOf(const PlannedOp& op) const {
    std::vector<int> tensors = op.Inputs();
    tensors.push_back(op.output);
    std::vector<int> buffers;
    for (const int t : tensors) {
      const bool is_vector =
          IsElementwise(op.op->type) && layout_.tensors[t].dims != layout_.tensors[op.output].dims;
      buffers.push_back(op.channel_major && !is_vector ? planes_[t] : image_[t]);
    }
    return buffers;
  }

  // Where a tensor is needed in both forms: from the one that was written to the other.
  void Convert(int t, bool from_image) {
    if (image_[t] == kNone || planes_[t] == kNone) return;
    const PlaneTensor tensor = PlanesOf(layout_.tensors[t]);
    if (from_image) {
      Add<PlanesStep>(image_[t], planes_[t], tensor, &ImageToPlanes);
    } else {
      Add<PlanesStep>(planes_[t], image_[t], tensor, &PlanesToImage);
    }
  }

  void MarkNewSteps(const StepOrigin& origin) {
    for (; marked_ < steps_.size(); ++marked_) steps_[marked_]->set_origin(origin);
  }

  template <class Kind, class... Arguments>
  void Add(Arguments&&... arguments) {
    steps_.push_back(std::make_unique<Kind>(std::forward<Arguments>(arguments)...));
  }

  Status AddStepFor(const PlannedOp& op) {
    const TensorLayout& input = layout_.tensors[op.input];
    const TensorLayout& output = layout_.tensors[op.output];
    switch (op.op->type) {
      case OpType::kConv2D:
      case OpType::kFullyConnected:
        return AddConvolution(op);
      case OpType::kDepthwiseConv2D:
      case OpType::kMaxPool2D:
      case OpType::kAveragePool2D:
        if (PoolsByRows(op)) {
          Add<WindowStep<PoolOperator>>(planes_[op.input], planes_[op.output],
                                        MakePool(op, context_, context_.threads));
        } else {
          Add<WindowStep<WindowOperator>>(planes_[op.input], planes_[op.output],
                                          MakeWindow(op, context_, context_.threads));
        }
        break;
      case OpType::kSoftmax:
      case OpType::kConcatenation:
      case OpType::kAdd:
      case OpType::kSub:
      case OpType::kMul:
      case OpType::kClamp:
      case OpType::kFunction:
        if (auto step = MakeElementwiseStep(op, layout_, BuffersOf(op), *context_.family)) {
          steps_.push_back(std::move(step));
        }
        break;
      case OpType::kPad:
        Add<PadStep>(planes_[op.input], planes_[op.output], PlanesOf(input), output.geometry,
                     op.op->pads);
        break;
      case OpType::kMean:
        Add<PlanesStep>(planes_[op.input], image_[op.output], PlanesOf(input), &MeanOfPlanes);
        break;
      case OpType::kReshape:
        Add<CopyStep>(image_[op.input], image_[op.output],
                      static_cast<size_t>(ElementsOf(input.dims)));
        break;
    }
    return Status::Ok();
  }

  Status AddConvolution(const PlannedOp& op) {
    std::unique_ptr<Convolution> convolution;
    UBP_RETURN_IF_ERROR(MakeConvolution(op, context_, &convolution));
    const bool is_image = op.op->type == OpType::kFullyConnected;
    const auto buffer_of = [&](int t) {
      return layout_.tensors[t].planes && !is_image ? planes_[t] : image_[t];
    };
    std::vector<int> buffers = {buffer_of(op.input), buffer_of(op.output)};
    if (op.second >= 0) buffers.push_back(planes_[op.second]);
    Add<ConvolutionStep>(std::move(buffers), std::move(convolution));
    return Status::Ok();
  }

  Status AddStrips(const StripGroup& group) {
    std::vector<int> buffers;
    for (const int t : group.tensors) {
      buffers.push_back(layout_.tensors[t].planes ? planes_[t] : image_[t]);
    }
    std::unique_ptr<Step> step;
    UBP_RETURN_IF_ERROR(MakeStripStep(group, context_, std::move(buffers), &step));
    steps_.push_back(std::move(step));
    return Status::Ok();
  }

  const OperatorContext& context_;
  const GraphLayout& layout_;
  std::vector<std::unique_ptr<Step>>& steps_;
  std::vector<Buffer>& buffers_;
  size_t marked_ = 0;        // steps whose origin is known
  std::vector<int> image_;   // buffer of each tensor as an image, or kNone
  std::vector<int> planes_;  // buffer of each tensor channel-major, or kNone
};

}  // namespace

Status MakeSteps(const OperatorContext& context, std::vector<std::unique_ptr<Step>>* steps,
                 std::vector<Buffer>* buffers) {
  return StepMaker(context, steps, buffers).Make();
}

}  // namespace ubp
