// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/launches.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "delegate/graph/activation_range.h"

namespace ubp::opencl {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();

}  // namespace

DeviceShape LaunchBuilder::Shape() const { return ShapeOf(queue_->context()->device()); }

Status LaunchBuilder::Add(const ShapedOp& op) {
  const Status status =
      std::visit([&](const auto& kind) { return AddKind(kind, op); }, op.op->details);
  return status.ok() ? status : Status::Error(op.op->label + ": " + status.message());
}

Status LaunchBuilder::Bind(Constants constants, std::shared_ptr<const Constants>* bound) {
  UBP_RETURN_IF_ERROR(constants.Upload(queue_));
  bound_bytes_ += constants.bytes();
  *bound = std::make_shared<const Constants>(std::move(constants));
  Hold(*bound);
  return Status::Ok();
}

Status LaunchBuilder::AddKind(const Pool2DOp& kind, const ShapedOp& op) {
  const ConvShape& s = op.shape;
  PoolCall call;
  call.input = Tensor(op.input);
  call.output = Tensor(op.output);
  UBP_RETURN_IF_ERROR(EpilogueOf(op, &call.epilogue));
  if (op.op->node >=
      0) {  // the interpreter's poolings clamp to finite values, whatever the activation
    ActivationRange& range = call.epilogue.range;
    range = {std::max(range.min, -kLargest), std::min(range.max, kLargest)};
  }
  call.kind = kind.kind;
  call.zeros_count = !op.ignores_padding;
  call.kernel_h = s.kernel_h;
  call.kernel_w = s.kernel_w;
  call.stride_h = s.stride_h;
  call.stride_w = s.stride_w;
  call.pad_top = s.pad_top;
  call.pad_left = s.pad_left;
  return Make(&MakePool, call);
}

Status LaunchBuilder::AddKind(const MeanOp&, const ShapedOp& op) {
  return Make(&MakeMean, MeanCall{Tensor(op.input), Tensor(op.output)});
}

Status LaunchBuilder::AddKind(const PadOp& kind, const ShapedOp& op) {
  CopyCall call;
  call.input = Tensor(op.input);
  call.output = Tensor(op.output);
  call.top = kind.pads.top;
  call.left = kind.pads.left;
  call.fills = true;
  call.around = kind.value;
  return Make(&MakeCopy, call);
}

Status LaunchBuilder::AddKind(const ReshapeOp&, const ShapedOp& op) {
  return Make(&MakeReshape, ReshapeCall{Tensor(op.input), Tensor(op.output)});
}

// Inputs that lie in the output are there already.
Status LaunchBuilder::AddKind(const ConcatenationOp& kind, const ShapedOp& op) {
  const int rank = tensors_[op.output].rank;
  const int from_last = kind.axis < 0 ? -kind.axis : rank - kind.axis;
  CopyCall call;
  call.output = Tensor(op.output);
  for (const int input : op.Inputs()) {
    const TensorOnDevice& tensor = tensors_[input];
    const ImageSize& size = tensor.size;
    const bool is_there =
        tensor.container == op.output && from_last == 1 && tensor.first_channel == call.channel;
    if (!is_there && size.elements() > 0) {
      call.input = Tensor(input);
      UBP_RETURN_IF_ERROR(Make(&MakeCopy, call));
    }
    if (from_last == 1) {
      call.channel += size.channels;
    } else if (from_last == 2 && rank > 2) {
      call.left += size.width;
    } else if (from_last == 3) {
      call.top += size.height;
    } else {
      call.batch += static_cast<int>(size.batch);
    }
  }
  return Status::Ok();
}

Status LaunchBuilder::AddKind(const SoftmaxOp& kind, const ShapedOp& op) {
  return Make(&MakeSoftmax, SoftmaxCall{Tensor(op.input), Tensor(op.output), kind.beta});
}

Status LaunchBuilder::AddKind(const LayerNormOp&, const ShapedOp&) {
  return Status::Error("no device runs layer normalisation.");
}

Status LaunchBuilder::AddKind(const ResizeOp& kind, const ShapedOp& op) {
  return Make(&MakeResize, ResizeCall{Tensor(op.input), Tensor(op.output), kind});
}

Status LaunchBuilder::AddKind(const DepthToSpaceOp& kind, const ShapedOp& op) {
  return Make(&MakeDepthToSpace, DepthToSpaceCall{Tensor(op.input), Tensor(op.output), kind.block_h,
                                                  kind.block_w, kind.crop.top, kind.crop.left});
}

Status LaunchBuilder::AddKind(const SpaceToDepthOp& kind, const ShapedOp& op) {
  return Make(&MakeSpaceToDepth, SpaceToDepthCall{Tensor(op.input), Tensor(op.output), kind.block});
}

Status LaunchBuilder::AddKind(const TransposeConv2DOp&, const ShapedOp&) {
  return Status::Error("a transposed convolution is lowered before it is compiled.");
}

Status LaunchBuilder::AddKind(const TransposeOp& kind, const ShapedOp& op) {
  return Make(&MakeTranspose, TransposeCall{Tensor(op.input), Tensor(op.output), kind.to_nhwc});
}

Status LaunchBuilder::AddKind(const RequantizeOp&, const ShapedOp&) {
  return Status::Error("no device runs int8.");
}

}  // namespace ubp::opencl
