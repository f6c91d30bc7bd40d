// SPDX-License-Identifier: Apache-2.0
// Steps of elementwise ops, on tensors in either layout.

#include <optional>
#include <utility>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/elementwise.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/dims.h"

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

// Of a function with a number s for each channel, which has no t.
ChannelScale SlopesOf(const UnaryFunction& function, int channels) {
  const std::vector<float> s(function.channels, function.channels + channels);
  return {s, std::vector<float>(s.size(), 0.0f)};
}

ChannelMap MakeChannelMap(Elementwise function, const ChannelScale& numbers, const PlannedOp& op,
                          const TensorLayout& output, ActivationRange range,
                          const InstructionSet& isa) {
  if (op.channel_major) return {function, numbers, PlanesOf(output), range, isa};
  return {function, numbers, ElementsOf(output.dims), range, isa};
}

ValueRows RowsOf(const PlannedOp& op, const TensorLayout& output, Elementwise function) {
  return op.channel_major ? ValueRows(PlanesOf(output), function)
                          : ValueRows(ElementsOf(output.dims));
}

// Of two tensors.
void AddArithmetic(const PlannedOp& op, ActivationRange range, StepBuilder* builder) {
  const std::vector<int> buffers = builder->BuffersOf(op);
  const InstructionSet& isa = builder->isa();
  const Elementwise function = op.op->As<ArithmeticOp>().function;
  const TensorLayout& output = builder->Tensor(op.output);
  const Dims& first = builder->Tensor(op.input).dims;
  const Dims& second = builder->Tensor(op.second).dims;
  if (first == second) {
    const ValueRows rows = RowsOf(op, output, function);
    builder->Add<MapStep>(buffers, ElementwiseMap(function, rows, range, isa));
  } else if (op.channel_major) {
    const bool vector_first = first != output.dims;
    const int vector_batch = (vector_first ? first : second)[0];
    const ElementwiseVector operation(function, vector_first, PlanesOf(output), vector_batch, range,
                                      isa);
    builder->Add<VectorStep>(buffers, vector_first, operation);
  } else {
    const ElementwiseMap map(function, ValueRows(ElementsOf(output.dims)), range, isa);
    builder->Add<BroadcastStep>(buffers, first, second, output.dims, map);
  }
}

// Of one tensor.
void AddFunction(const PlannedOp& op, const UnaryFunction& unary, ActivationRange range,
                 StepBuilder* builder) {
  const std::vector<int> buffers = builder->BuffersOf(op);
  const InstructionSet& isa = builder->isa();
  const TensorLayout& output = builder->Tensor(op.output);
  if (unary.channels != nullptr) {
    builder->Add<ChannelStep>(
        buffers, MakeChannelMap(unary.function, SlopesOf(unary, output.dims.back()), op, output,
                                range, isa));
    return;
  }
  ElementwiseMap map(unary.function, RowsOf(op, output, unary.function), range, isa);
  map.set_s(unary.s);
  builder->Add<MapStep>(buffers, map);
}

}  // namespace

Status AddElementwise(const PlannedOp& op, StepBuilder* builder) {
  const ActivationRange range = RangeOf(op.activation);
  if (op.scale) {
    builder->Add<ChannelStep>(builder->BuffersOf(op),
                              MakeChannelMap(Elementwise::kScale, *op.scale, op,
                                             builder->Tensor(op.output), range, builder->isa()));
  } else if (op.function) {
    AddFunction(op, *op.function, range, builder);
  } else {
    AddArithmetic(op, range, builder);
  }
  return Status::Ok();
}

}  // namespace ubp
