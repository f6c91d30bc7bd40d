// SPDX-License-Identifier: Apache-2.0
// Steps of elementwise int8 ops, on tensors in either form.

#include <utility>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/quad_elementwise.h"
#include "delegate/cpu/operators/quad_planes.h"
#include "delegate/cpu/operators/quad_table.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/dims.h"

namespace ubp {
namespace {

// Of two tensors in planes.
class QuadElementwiseStep : public Step {
 public:
  QuadElementwiseStep(const std::vector<int>& buffers, const QuadElementwise& elementwise)
      : Step(buffers), elementwise_(elementwise) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    elementwise_.Run(At(memory, 0), At(memory, 1), At(memory, 2), pool);
  }

 private:
  QuadElementwise elementwise_;
};

// Of a tensor in planes and a vector.
class QuadVectorStep : public Step {
 public:
  QuadVectorStep(int tensor, int vector, int output, const QuadElementwise& elementwise)
      : Step({tensor, vector, output}), elementwise_(elementwise) {}

  bool runs_in_place() const override { return true; }
  size_t scratch_floats() const override { return elementwise_.scratch_floats(); }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    elementwise_.RunVector(At(memory, 0), reinterpret_cast<const int8_t*>(At(memory, 1)),
                           At(memory, 2), scratch, pool);
  }

 private:
  QuadElementwise elementwise_;
};

// Of two tensors that are no images: by way of planes, as the pixels of one row.
class QuadRowsStep : public Step {
 public:
  QuadRowsStep(const std::vector<int>& buffers, const PlaneTensor& rows,
               const QuadElementwise& elementwise, uint8_t flip)
      : Step(buffers), rows_(rows), elementwise_(elementwise), flip_(flip) {}

  size_t scratch_floats() const override { return 3 * floats(); }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    float* const output = scratch + 2 * floats();
    for (const size_t operand : {0, 1}) {
      ImageToQuads(rows_, flip_, reinterpret_cast<const int8_t*>(At(memory, operand)),
                   scratch + operand * floats(), pool);
    }
    elementwise_.Run(scratch, scratch + floats(), output, pool);
    QuadsToImage(rows_, flip_, output, reinterpret_cast<int8_t*>(At(memory, 2)), pool);
  }

 private:
  size_t floats() const {
    return RoundUp(rows_.geometry.floats(QuadsOf(rows_.channels)), kCacheLineBytes / sizeof(float));
  }

  PlaneTensor rows_;
  QuadElementwise elementwise_;
  uint8_t flip_;
};

// Each value becomes another one: of the pixels of planes.
class PlanesTableStep : public Step {
 public:
  PlanesTableStep(const std::vector<int>& buffers, PlaneTensor input, PlaneGeometry output,
                  const QuadTable& table)
      : Step(buffers), input_(std::move(input)), output_(std::move(output)), table_(table) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    table_.RunPlanes(input_, At(memory, 0), output_, At(memory, 1), pool);
  }

 private:
  PlaneTensor input_;
  PlaneGeometry output_;
  QuadTable table_;
};

// Of an image, or vectors.
class ValuesTableStep : public Step {
 public:
  ValuesTableStep(const std::vector<int>& buffers, int64_t count, const QuadTable& table)
      : Step(buffers), count_(count), table_(table) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    table_.RunValues(count_, At(memory, 0), At(memory, 1), pool);
  }

 private:
  int64_t count_;
  QuadTable table_;
};

Int8Table TableOf(const PlannedOp& op, const StepBuilder& builder) {
  const Int8Scales scales = {builder.QuantizationOf(op.input), builder.QuantizationOf(op.output)};
  if (op.op->If<ClampOp>()) return ClampTable(op.activation, scales);
  if (op.op->If<RequantizeOp>()) return RequantizationTable(scales);
  const auto* arithmetic = op.op->If<ArithmeticOp>();
  if (arithmetic == nullptr) return TableOf(*op.function, scales);
  return ArithmeticTable(arithmetic->function, arithmetic->int8, arithmetic->constant.first,
                         RangeOf(op.activation, scales.output), scales);
}

// Of operands in their order, or the other way around.
QuadFunction FunctionOf(Elementwise function, bool reversed) {
  if (function == Elementwise::kMultiply) return QuadFunction::kMultiply;
  if (function == Elementwise::kAdd) return QuadFunction::kAdd;
  return reversed ? QuadFunction::kReverseSubtract : QuadFunction::kSubtract;
}

QuadOperands OperandsOf(const PlannedOp& op, int a, int b, const StepBuilder& builder) {
  const Int8Range range = RangeOf(op.activation, builder.QuantizationOf(op.output));
  return {builder.QuantizationOf(a), builder.QuantizationOf(b), builder.QuantizationOf(op.output),
          range.min, range.max};
}

Status AddEqualOperands(const PlannedOp& op, StepBuilder* builder) {
  const TensorLayout& output = builder->Tensor(op.output);
  const QuadFunction function = FunctionOf(op.op->As<ArithmeticOp>().function, false);
  const QuadOperands operands = OperandsOf(op, op.input, op.second, *builder);
  const std::vector<int> buffers = builder->BuffersOf(op);
  if (op.channel_major) {
    const QuadElementwise elementwise(function, operands, builder->Tensor(op.input).geometry,
                                      builder->Tensor(op.second).geometry, output.geometry,
                                      output.dims[0], output.dims[3], builder->int8());
    builder->Add<QuadElementwiseStep>(buffers, elementwise);
    return Status::Ok();
  }
  PlaneTensor rows;
  // Which elements are channels does not matter.
  const int64_t elements = ElementsOf(output.dims);
  rows.channels = elements % kQuad == 0 ? kQuad : output.dims.back();
  const auto width = static_cast<int>(elements / rows.channels);
  UBP_RETURN_IF_ERROR(MakePlaneGeometry(1, width, Halo(), &rows.geometry));
  const QuadElementwise elementwise(function, operands, rows.geometry, rows.geometry, rows.geometry,
                                    1, rows.channels, builder->int8());
  builder->Add<QuadRowsStep>(buffers, rows, elementwise, builder->int8().flip);
  return Status::Ok();
}

}  // namespace

Status AddInt8Table(const PlannedOp& op, StepBuilder* builder) {
  const TensorLayout& output = builder->Tensor(op.output);
  const QuadTable table(TableOf(op, *builder),
                        op.channel_major ? builder->int8().flip : uint8_t{0});
  const std::vector<int> buffers = builder->BuffersOf(op);
  if (op.channel_major) {
    builder->Add<PlanesTableStep>(buffers, PlanesOf(builder->Tensor(op.input)), output.geometry,
                                  table);
  } else {
    builder->Add<ValuesTableStep>(buffers, ElementsOf(output.dims), table);
  }
  return Status::Ok();
}

Status AddInt8Arithmetic(const PlannedOp& op, StepBuilder* builder) {
  if (op.second < 0) return AddInt8Table(op, builder);
  const Dims& dims = builder->Tensor(op.output).dims;
  const Dims& first = builder->Tensor(op.input).dims;
  const Dims& second = builder->Tensor(op.second).dims;
  if (first == dims && second == dims) return AddEqualOperands(op, builder);
  if (!op.channel_major) {
    return Status::Error("operands of shapes " + ToString(first) + " and " + ToString(second) +
                         " in int8, expected equal ones, or an image and [batch, 1, 1, channels].");
  }
  const bool vector_first = first != dims;
  const int tensor = vector_first ? op.second : op.input;
  const int vector = vector_first ? op.input : op.second;
  const QuadElementwise elementwise(
      FunctionOf(op.op->As<ArithmeticOp>().function, vector_first),
      OperandsOf(op, tensor, vector, *builder), builder->Tensor(tensor).geometry,
      builder->Tensor(vector).dims[0], builder->Tensor(op.output).geometry, dims[0], dims[3],
      builder->int8());
  builder->Add<QuadVectorStep>(builder->Planes(tensor), builder->Nhwc(vector),
                               builder->Planes(op.output), elementwise);
  return Status::Ok();
}

}  // namespace ubp
