#include "delegate/cpu/plan/elementwise_steps.h"

#include <optional>
#include <utility>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/copy_rows.h"
#include "delegate/cpu/operators/elementwise.h"
#include "delegate/cpu/operators/softmax.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/shapes.h"

namespace ubp {
namespace {

// One tensor, or two of equal shape.
class MapStep : public Step {
 public:
  MapStep(const std::vector<int>& buffers, const ElementwiseMap& map) : Step(buffers), map_(map) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    const bool two = buffers().size() > 2;
    map_.Run(At(memory, 0), two ? At(memory, 1) : nullptr, At(memory, two ? 2 : 1), pool);
  }

 private:
  ElementwiseMap map_;
};

class ChannelStep : public Step {
 public:
  ChannelStep(const std::vector<int>& buffers, ChannelMap map)
      : Step(buffers), map_(std::move(map)) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    map_.Run(At(memory, 0), At(memory, 1), pool);
  }

 private:
  ChannelMap map_;
};

class VectorStep : public Step {
 public:
  VectorStep(const std::vector<int>& buffers, bool vector_first, const ElementwiseVector& operation)
      : Step(buffers), vector_first_(vector_first), operation_(operation) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    const float* const tensor = At(memory, vector_first_ ? 1 : 0);
    const float* const vector = At(memory, vector_first_ ? 0 : 1);
    operation_.Run(tensor, vector, At(memory, 2), pool);
  }

 private:
  bool vector_first_;
  ElementwiseVector operation_;
};

// Two tensors of different shapes: operands that are not as large as the output are spread out. For
// what resizes bring about; where models have it, the converter has spread constants out already, or
// one operand is a vector.
class BroadcastStep : public Step {
 public:
  BroadcastStep(const std::vector<int>& buffers, const Dims& first, const Dims& second,
                const Dims& output, const ElementwiseMap& map)
      : Step(buffers), output_(output), elements_(ElementsOf(output)), map_(map) {
    for (const Dims& dims : {first, second}) {
      if (dims == output)
        strides_.emplace_back();
      else
        strides_.push_back(StridesOf(dims));
    }
  }

  size_t scratch_floats() const override {
    size_t floats = 0;
    for (const std::vector<int64_t>& strides : strides_) floats += strides.empty() ? 0 : Spread();
    return floats;
  }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    const float* operands[2];
    for (size_t i = 0; i < 2; ++i) {
      operands[i] = At(memory, i);
      if (strides_[i].empty()) continue;
      const float* next = operands[i];
      float* to = scratch;
      SpreadOut(strides_[i], 0, next, &to);
      operands[i] = scratch;
      scratch += Spread();
    }
    map_.Run(operands[0], operands[1], At(memory, 2), pool);
  }

 private:
  size_t Spread() const {
    return RoundUp(static_cast<size_t>(elements_), kCacheLineBytes / sizeof(float));
  }

  // Floats from one place of the output to the next along each axis, in an operand of shape `dims`.
  std::vector<int64_t> StridesOf(const Dims& dims) const {
    std::vector<int64_t> strides(output_.size(), 0);
    int64_t stride = 1;
    for (size_t i = dims.size(); i-- > 0;) {
      if (dims[i] > 1) strides[output_.size() - dims.size() + i] = stride;
      stride *= dims[i];
    }
    return strides;
  }

  void SpreadOut(const std::vector<int64_t>& strides, size_t axis, const float* from,
                 float** to) const {
    if (axis == output_.size()) {
      *(*to)++ = *from;
      return;
    }
    for (int i = 0; i < output_[axis]; ++i)
      SpreadOut(strides, axis + 1, from + i * strides[axis], to);
  }

  Dims output_;
  int64_t elements_;
  std::vector<std::vector<int64_t>>
      strides_;  // of each operand; empty where it is the output's size
  ElementwiseMap map_;
};

// One input of a concatenation.
struct Part {
  RowCopy copy;
  int64_t offset;  // in the output
};

class ConcatenationStep : public Step {
 public:
  // Buffers: the parts, then the output.
  ConcatenationStep(std::vector<int> buffers, std::vector<Part> parts)
      : Step(std::move(buffers)), parts_(std::move(parts)) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    float* const output = At(memory, parts_.size());
    for (size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].copy.Run(At(memory, i), output + parts_[i].offset, pool);
    }
  }

 private:
  std::vector<Part> parts_;
};

class SoftmaxStep : public Step {
 public:
  SoftmaxStep(const std::vector<int>& buffers, const SoftmaxShape& shape, float beta,
              const KernelFamily& family)
      : Step(buffers), shape_(shape), beta_(beta), family_(family) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    Softmax(shape_, beta_, At(memory, 0), At(memory, 1), family_, pool);
  }

 private:
  SoftmaxShape shape_;
  float beta_;
  const KernelFamily& family_;
};

// Of two tensors.
Elementwise ArithmeticOf(OpType type) {
  if (type == OpType::kMul) return Elementwise::kMultiply;
  return type == OpType::kSub ? Elementwise::kSubtract : Elementwise::kAdd;
}

// Of a function with a number s for each channel, which has no t.
ChannelScale SlopesOf(const UnaryFunction& function, int channels) {
  const std::vector<float> s(function.channels, function.channels + channels);
  return {s, std::vector<float>(s.size(), 0.0f)};
}

ChannelMap MakeChannelMap(Elementwise function, const ChannelScale& numbers, const PlannedOp& op,
                          const TensorLayout& output, ActivationRange range,
                          const KernelFamily& family) {
  if (op.channel_major) return {function, numbers, PlanesOf(output), range, family};
  return {function, numbers, ElementsOf(output.dims), range, family};
}

std::unique_ptr<Step> MakeConcatenationStep(const PlannedOp& op, const GraphLayout& layout,
                                            const std::vector<int>& buffers) {
  const TensorLayout& output = layout.tensors[op.output];
  // A row is what lies side by side: all planes of one image, or of an image all elements with the
  // same places along the axes before. `unit` are the floats of one place along the axis.
  const int axis =
      op.op->axis < 0 ? op.op->axis + static_cast<int>(output.dims.size()) : op.op->axis;
  int64_t rows = output.dims[0];
  int64_t unit = output.geometry.plane_stride;
  if (!op.channel_major) {
    rows = ElementsOf(Dims(output.dims.begin(), output.dims.begin() + axis));
    unit = ElementsOf(Dims(output.dims.begin() + axis + 1, output.dims.end()));
  }
  const int64_t stride = output.dims[axis] * unit;
  std::vector<int> inputs = {op.input};
  inputs.insert(inputs.end(), op.further.begin(), op.further.end());
  std::vector<int> used;
  std::vector<Part> parts;
  int first = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorLayout& input = layout.tensors[inputs[i]];
    const int size = input.dims[axis];
    const bool in_place = input.container == op.output && input.first_plane == first;
    if (!in_place && size > 0) {
      used.push_back(buffers[i]);
      parts.push_back({{rows, size * unit, stride}, first * unit});
    }
    first += size;
  }
  if (parts.empty()) return nullptr;
  used.push_back(buffers.back());
  return std::make_unique<ConcatenationStep>(std::move(used), std::move(parts));
}

}  // namespace

PlaneTensor PlanesOf(const TensorLayout& tensor) {
  return {tensor.geometry, tensor.dims[0], tensor.dims[3]};
}

std::unique_ptr<Step> MakeElementwiseStep(const PlannedOp& op, const GraphLayout& layout,
                                          const std::vector<int>& buffers,
                                          const KernelFamily& family) {
  if (op.op->type == OpType::kConcatenation) return MakeConcatenationStep(op, layout, buffers);
  const TensorLayout& output = layout.tensors[op.output];
  const int64_t elements = ElementsOf(output.dims);
  if (op.op->type == OpType::kSoftmax) {
    const int classes = output.dims.back();
    const SoftmaxShape shape{static_cast<int>(elements / classes), classes};
    return std::make_unique<SoftmaxStep>(buffers, shape, op.op->factor, family);
  }
  const ActivationRange range = RangeOf(op.activation);
  if (op.scale) {
    return std::make_unique<ChannelStep>(
        buffers, MakeChannelMap(Elementwise::kScale, *op.scale, op, output, range, family));
  }
  const std::optional<UnaryFunction>& unary = op.function;
  if (unary && unary->channels != nullptr) {
    return std::make_unique<ChannelStep>(
        buffers, MakeChannelMap(unary->function, SlopesOf(*unary, output.dims.back()), op, output,
                                range, family));
  }
  const Elementwise function = unary ? unary->function : ArithmeticOf(op.op->type);
  const Dims& first = layout.tensors[op.input].dims;
  if (!unary && !op.channel_major && first != layout.tensors[op.second].dims) {
    const ElementwiseMap map(function, ValueRows(elements), range, family);
    return std::make_unique<BroadcastStep>(buffers, first, layout.tensors[op.second].dims,
                                           output.dims, map);
  }
  if (!unary && first != layout.tensors[op.second].dims) {
    const bool vector_first = first != output.dims;
    const int vector_batch = layout.tensors[vector_first ? op.input : op.second].dims[0];
    const ElementwiseVector operation(function, vector_first, PlanesOf(output), vector_batch, range,
                                      family);
    return std::make_unique<VectorStep>(buffers, vector_first, operation);
  }
  ElementwiseMap map(function, op.channel_major ? ValueRows(PlanesOf(output)) : ValueRows(elements),
                     range, family);
  if (unary) map.set_s(unary->s);
  return std::make_unique<MapStep>(buffers, map);
}

}  // namespace ubp
