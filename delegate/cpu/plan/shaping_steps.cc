// SPDX-License-Identifier: Apache-2.0
// Steps of ops that reduce, or only move elements.

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "delegate/cpu/operators/copy_rows.h"
#include "delegate/cpu/operators/layer_norm.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/operators/quad_layout.h"
#include "delegate/cpu/operators/resample.h"
#include "delegate/cpu/operators/softmax.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/cpu/plan/planes_step.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/dims.h"

namespace ubp {
namespace {

class PadStep : public Step {
 public:
  PadStep(int input, int output, PlaneTensor tensor, PlaneGeometry to, const Pads& pads,
          const PadWords& words)
      : Step({input, output}),
        tensor_(std::move(tensor)),
        to_(std::move(to)),
        pads_(pads),
        words_(words) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    PadPlanes(tensor_, At(memory, 0), to_, pads_.top, pads_.left, words_, At(memory, 1), pool);
  }

 private:
  PlaneTensor tensor_;
  PlaneGeometry to_;
  Pads pads_;
  PadWords words_;
};

// From one channel-major tensor to another of its own height and width.
template <class Operator>
class ResampleStep : public Step {
 public:
  ResampleStep(int input, int output, Operator resample)
      : Step({input, output}), resample_(std::move(resample)) {}

  size_t prepared_bytes() const override { return resample_.prepared_bytes(); }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    resample_.Run(At(memory, 0), At(memory, 1), pool);
  }

 private:
  Operator resample_;
};

class CopyStep : public Step {
 public:
  CopyStep(int input, int output, size_t bytes) : Step({input, output}), bytes_(bytes) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool*) const override {
    std::memcpy(At(memory, 1), At(memory, 0), bytes_);
  }

 private:
  size_t bytes_;
};

// One input of a concatenation.
struct ConcatenatedInput {
  RowCopy copy;
  int64_t offset;  // in the output, in bytes
};

class ConcatenationStep : public Step {
 public:
  // Buffers: the parts, then the output.
  ConcatenationStep(std::vector<int> buffers, std::vector<ConcatenatedInput> parts)
      : Step(std::move(buffers)), parts_(std::move(parts)) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    auto* const output = reinterpret_cast<char*>(At(memory, parts_.size()));
    for (size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].copy.Run(At(memory, i), output + parts_[i].offset, pool);
    }
  }

 private:
  std::vector<ConcatenatedInput> parts_;
};

class SoftmaxStep : public Step {
 public:
  SoftmaxStep(const std::vector<int>& buffers, const SoftmaxShape& shape, float beta,
              const InstructionSet& isa)
      : Step(buffers), shape_(shape), beta_(beta), isa_(isa) {}

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    Softmax(shape_, beta_, At(memory, 0), At(memory, 1), isa_, pool);
  }

 private:
  SoftmaxShape shape_;
  float beta_;
  const InstructionSet& isa_;
};

class LayerNormStep : public Step {
 public:
  LayerNormStep(const std::vector<int>& buffers, LayerNorm norm)
      : Step(buffers), norm_(std::move(norm)) {}

  bool runs_in_place() const override { return true; }

  void Run(const std::vector<float*>& memory, float*, ThreadPool* pool) const override {
    norm_.Run(At(memory, 0), At(memory, 1), pool);
  }

 private:
  LayerNorm norm_;
};

size_t BytesOf(const TensorLayout& tensor) {
  return static_cast<size_t>(ElementsOf(tensor.dims) * tensor.type.element_bytes());
}

// What a pad puts around an image, as it is stored.
float WordOf(const PadOp& pad, const TensorType& type, const StepBuilder& builder) {
  if (!type.is_int8()) return pad.value;
  const float number = static_cast<float>(type.quantization.zero_point) + pad.value;
  return StoredElement(static_cast<int>(std::max(-128.0f, number)), builder.int8());
}

}  // namespace

Status AddPad(const PlannedOp& op, StepBuilder* builder) {
  const auto& pad = op.op->As<PadOp>();
  const TensorLayout& output = builder->Tensor(op.output);
  const PadWords words = {WordOf(pad, output.type, *builder), builder->Around(op.output)};
  builder->Add<PadStep>(builder->Planes(op.input), builder->Planes(op.output),
                        PlanesOf(builder->Tensor(op.input)), output.geometry, pad.pads, words);
  return Status::Ok();
}

Status AddMean(const PlannedOp& op, StepBuilder* builder) {
  builder->Add<PlanesStep>(builder->Planes(op.input), builder->Nhwc(op.output),
                           PlanesOf(builder->Tensor(op.input)), &MeanOfPlanes);
  return Status::Ok();
}

Status AddTranspose(const PlannedOp& op, StepBuilder* builder) {
  if (op.op->As<TransposeOp>().to_nhwc) {
    builder->Add<PlanesStep>(builder->Nhwc(op.input), builder->Planes(op.output),
                             PlanesOf(builder->Tensor(op.output)), &RowsToPlanes);
  } else {
    builder->Add<PlanesStep>(builder->Planes(op.input), builder->Nhwc(op.output),
                             PlanesOf(builder->Tensor(op.input)), &PlanesToRows);
  }
  return Status::Ok();
}

Status AddReshape(const PlannedOp& op, StepBuilder* builder) {
  builder->Add<CopyStep>(builder->Nhwc(op.input), builder->Nhwc(op.output),
                         BytesOf(builder->Tensor(op.input)));
  return Status::Ok();
}

Status AddConcatenation(const PlannedOp& op, StepBuilder* builder) {
  const std::vector<int> buffers = builder->BuffersOf(op);
  const TensorLayout& output = builder->Tensor(op.output);
  // A row is what lies side by side: all planes of one image, or of an image all elements with the
  // same places along the axes before. `unit` are the bytes of one place along the axis: of a plane, or
  // of the elements with that place.
  const int axis = op.op->As<ConcatenationOp>().axis < 0
                       ? op.op->As<ConcatenationOp>().axis + static_cast<int>(output.dims.size())
                       : op.op->As<ConcatenationOp>().axis;
  int64_t rows = output.dims[0];
  int64_t unit = output.geometry.plane_stride * static_cast<int64_t>(sizeof(float));
  if (!op.channel_major) {
    rows = ElementsOf(Dims(output.dims.begin(), output.dims.begin() + axis));
    unit = ElementsOf(Dims(output.dims.begin() + axis + 1, output.dims.end())) *
           output.type.element_bytes();
  }
  const auto size_of = [&](const TensorLayout& tensor) {
    return op.channel_major ? tensor.planes_per_image() : tensor.dims[axis];
  };
  const int64_t stride = size_of(output) * unit;
  const std::vector<int> inputs = op.Inputs();
  std::vector<int> used;
  std::vector<ConcatenatedInput> parts;
  int first = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorLayout& input = builder->Tensor(inputs[i]);
    const int size = size_of(input);
    const bool in_place = input.container == op.output && input.first_plane == first;
    if (!in_place && size > 0) {
      used.push_back(buffers[i]);
      parts.push_back({{rows, size * unit, stride}, first * unit});
    }
    first += size;
  }
  if (parts.empty()) return Status::Ok();  // all inputs lie in the output
  used.push_back(buffers.back());
  builder->Add<ConcatenationStep>(std::move(used), std::move(parts));
  return Status::Ok();
}

Status AddSoftmax(const PlannedOp& op, StepBuilder* builder) {
  const Dims& dims = builder->Tensor(op.output).dims;
  const SoftmaxShape shape{static_cast<int>(ElementsOf(dims) / dims.back()), dims.back()};
  builder->Add<SoftmaxStep>(builder->BuffersOf(op), shape, op.op->As<SoftmaxOp>().beta,
                            builder->isa());
  return Status::Ok();
}

Status AddLayerNorm(const PlannedOp& op, StepBuilder* builder) {
  const TensorLayout& output = builder->Tensor(op.output);
  const auto& kind = op.op->As<LayerNormOp>();
  const ActivationRange range = RangeOf(op.activation);
  const std::vector<int> buffers = builder->BuffersOf(op);
  if (op.channel_major) {
    builder->Add<LayerNormStep>(buffers, LayerNorm(kind, PlanesOf(output), range, builder->isa()));
  } else {
    builder->Add<LayerNormStep>(buffers, LayerNorm(kind, output.dims, range, builder->isa()));
  }
  return Status::Ok();
}

Status AddResize(const PlannedOp& op, StepBuilder* builder) {
  builder->Add<ResampleStep<ResizePlanes>>(
      builder->Planes(op.input), builder->Planes(op.output),
      ResizePlanes(op.op->As<ResizeOp>(), builder->Tensor(op.input).type.elements,
                   PlanesOf(builder->Tensor(op.input)), builder->Tensor(op.output).geometry,
                   builder->isa()));
  return Status::Ok();
}

Status AddDepthToSpace(const PlannedOp& op, StepBuilder* builder) {
  builder->Add<ResampleStep<DepthToSpacePlanes>>(
      builder->Planes(op.input), builder->Planes(op.output),
      DepthToSpacePlanes(op.op->As<DepthToSpaceOp>(), builder->Tensor(op.input).geometry,
                         PlanesOf(builder->Tensor(op.output))));
  return Status::Ok();
}

Status AddSpaceToDepth(const PlannedOp& op, StepBuilder* builder) {
  builder->Add<ResampleStep<SpaceToDepthPlanes>>(
      builder->Planes(op.input), builder->Planes(op.output),
      SpaceToDepthPlanes(op.op->As<SpaceToDepthOp>().block, PlanesOf(builder->Tensor(op.input)),
                         builder->Tensor(op.output).geometry));
  return Status::Ok();
}

}  // namespace ubp
