#include "delegate/graph/elementwise_steps.h"

#include <optional>
#include <utility>

#include "delegate/cpu/activation_range.h"
#include "delegate/cpu/copy_rows.h"
#include "delegate/cpu/elementwise.h"
#include "delegate/cpu/softmax.h"
#include "delegate/graph/fusion.h"

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

class ScaleStep : public Step {
 public:
  ScaleStep(const std::vector<int>& buffers, ScaleChannels scale)
      : Step(buffers), scale_(std::move(scale)) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    scale_.Run(At(memory, 0), At(memory, 1), pool);
  }

 private:
  ScaleChannels scale_;
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

std::unique_ptr<Step> MakeConcatenationStep(const PlannedOp& op, const GraphLayout& layout,
                                            const std::vector<int>& buffers) {
  const TensorLayout& output = layout.tensors[op.output];
  // An image's rows are its pixels, those of planes are all planes of one image.
  const int64_t channel = op.channel_major ? output.geometry.plane_stride : 1;
  const int64_t stride = output.dims.back() * channel;
  const int64_t rows = op.channel_major
                           ? output.dims[0]
                           : static_cast<int64_t>(Elements(output.dims)) / output.dims.back();
  std::vector<int> inputs = {op.input};
  inputs.insert(inputs.end(), op.further.begin(), op.further.end());
  std::vector<int> used;
  std::vector<Part> parts;
  int first = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorLayout& input = layout.tensors[inputs[i]];
    const int channels = input.dims.back();
    const bool in_place = input.container == op.output && input.first_plane == first;
    if (!in_place) {
      used.push_back(buffers[i]);
      parts.push_back({{rows, channels * channel, stride}, first * channel});
    }
    first += channels;
  }
  if (parts.empty()) return nullptr;
  used.push_back(buffers.back());
  return std::make_unique<ConcatenationStep>(std::move(used), std::move(parts));
}

}  // namespace

PlaneTensor PlanesOf(const TensorLayout& tensor) {
  return {tensor.geometry, tensor.dims[0], tensor.dims[3]};
}

size_t Elements(const Dims& dims) {
  size_t elements = 1;
  for (const int dim : dims) elements *= dim;
  return elements;
}

std::unique_ptr<Step> MakeElementwiseStep(const PlannedOp& op, const GraphLayout& layout,
                                          const std::vector<int>& buffers,
                                          const KernelFamily& family) {
  if (op.op->type == OpType::kConcatenation) return MakeConcatenationStep(op, layout, buffers);
  const TensorLayout& output = layout.tensors[op.output];
  const int64_t elements = static_cast<int64_t>(Elements(output.dims));
  if (op.op->type == OpType::kSoftmax) {
    const SoftmaxShape shape{output.dims[0], output.dims[1]};
    return std::make_unique<SoftmaxStep>(buffers, shape, op.op->factor, family);
  }
  const ActivationRange range = RangeOf(op.activation);
  if (op.scale) {
    return std::make_unique<ScaleStep>(
        buffers, op.channel_major ? ScaleChannels(*op.scale, PlanesOf(output), range, family)
                                  : ScaleChannels(*op.scale, elements, range, family));
  }
  const std::optional<UnaryFunction> unary = FunctionOf(op);
  const Elementwise function = unary ? unary->function : ArithmeticOf(op.op->type);
  const Dims& first = layout.tensors[op.input].dims;
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
