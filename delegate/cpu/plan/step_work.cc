// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/step_work.h"

#include <algorithm>
#include <cstdint>

#include "delegate/graph/dims.h"

namespace ubp {
namespace {

constexpr int64_t kFloatBytes = sizeof(float);

int64_t BytesOf(const TensorLayout& tensor) { return kFloatBytes * ElementsOf(tensor.dims); }

// Of the rows that a thread keeps of a tensor.
int64_t RowBufferBytes(const TensorLayout& tensor) {
  return kFloatBytes * static_cast<int64_t>(tensor.geometry.floats(tensor.dims[3]));
}

void AddRead(const TensorLayout& tensor, int64_t bytes, StepWork* work) {
  if (tensor.row_buffers == 0) {
    work->read_bytes += bytes;
    return;
  }
  work->buffer_read_bytes += bytes;
  work->buffer_bytes += RowBufferBytes(tensor);
}

void AddWritten(const TensorLayout& tensor, int64_t bytes, StepWork* work) {
  if (tensor.row_buffers == 0) {
    work->written_bytes += bytes;
    return;
  }
  work->buffer_written_bytes += bytes;
  work->buffer_bytes += RowBufferBytes(tensor);
}

// Of its first input: windows may leave out pixels.
int64_t BytesThatWindowsRead(const PlannedOp& op, const TensorLayout& input) {
  const int64_t bytes = BytesOf(input);
  if (!HasWindow(*op.op)) return bytes;
  const ConvShape& s = op.shape;
  return std::min(bytes, kFloatBytes * s.out_pixels() * s.kernel_h * s.kernel_w * s.in_c);
}

int64_t DepthwiseBytes(const ConvShape& s) {
  return kFloatBytes * s.out_c * (int64_t{s.kernel_h} * s.kernel_w + 1);
}

// Of ops without weights in blocks.
int64_t OperationsOf(const PlannedOp& op, const GraphLayout& layout) {
  const ConvShape& s = op.shape;
  switch (op.op->type()) {
    case OpType::kDepthwiseConv2D:
      return MultiplyAddsOf(op.op->type(), s);
    case OpType::kMaxPool2D:
    case OpType::kAveragePool2D:
      return s.out_pixels() * s.out_c * s.kernel_h * s.kernel_w;
    case OpType::kMean:
      return ElementsOf(layout.tensors[op.input].dims);
    case OpType::kPad:
    case OpType::kReshape:
    case OpType::kConcatenation:
    case OpType::kDepthToSpace:
    case OpType::kSpaceToDepth:
    case OpType::kTranspose:
      return 0;
    default:
      return ElementsOf(layout.tensors[op.output].dims);
  }
}

// What passes from one op to another in scratch memory of the step, once written and once read.
int64_t ScratchBytes(const Step& step, int threads) {
  return kFloatBytes * static_cast<int64_t>(step.scratch_floats()) / threads;
}

StepWork WorkOfAbsorbed(const PlannedOp& op, const Step& step, const OperatorContext& context) {
  const ConvShape& shape = op.depthwise->shape;
  StepWork work{KindOf(OpType::kDepthwiseConv2D)};
  work.operations = MultiplyAddsOf(OpType::kDepthwiseConv2D, shape);
  work.weight_bytes = DepthwiseBytes(shape);
  const TensorLayout& input = context.layout.tensors[op.input];
  AddRead(input, BytesOf(input), &work);
  work.buffer_written_bytes += kFloatBytes * shape.out_pixels() * shape.out_c;
  work.buffer_bytes += ScratchBytes(step, context.threads);
  return work;
}

}  // namespace

Status AddWorkOf(const PlannedOp& op, const Step& step, const OperatorContext& context,
                 std::vector<StepWork>* work) {
  const std::vector<TensorLayout>& tensors = context.layout.tensors;
  StepWork own{KindOf(op.op->type())};
  if (LayerOf(*op.op) != nullptr) {
    WeightUse use;
    UBP_RETURN_IF_ERROR(WeightUseOf(op, context, &use));
    own.operations = use.multiplied * op.shape.out_pixels();
    own.weight_bytes = use.bytes;
  } else {
    own.operations = OperationsOf(op, context.layout);
    if (op.op->type() == OpType::kDepthwiseConv2D) own.weight_bytes = DepthwiseBytes(op.shape);
  }
  if (op.depthwise) {
    work->push_back(WorkOfAbsorbed(op, step, context));
    own.buffer_read_bytes = work->back().buffer_written_bytes;
    own.buffer_bytes = ScratchBytes(step, context.threads);
  }
  int64_t placed = 0;
  for (const int t : op.Inputs()) {
    if (t == op.input && op.depthwise) continue;
    const int64_t bytes =
        t == op.input ? BytesThatWindowsRead(op, tensors[t]) : BytesOf(tensors[t]);
    const bool is_placed = op.op->type() == OpType::kConcatenation && tensors[t].container >= 0;
    if (is_placed) {
      placed += bytes;
    } else {
      AddRead(tensors[t], bytes, &own);
    }
  }
  AddWritten(tensors[op.output], BytesOf(tensors[op.output]) - placed, &own);
  work->push_back(own);
  return Status::Ok();
}

StepWork WorkOfConversion(const Step& step, const std::vector<Buffer>& buffers) {
  size_t words = buffers[step.buffers().front()].words;
  for (const int buffer : step.buffers()) words = std::min(words, buffers[buffer].words);
  StepWork work{"conversion"};
  work.read_bytes = work.written_bytes = kFloatBytes * static_cast<int64_t>(words);
  return work;
}

}  // namespace ubp
