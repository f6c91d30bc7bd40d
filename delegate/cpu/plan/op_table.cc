// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/op_table.h"

namespace ubp {
namespace {

CpuOp RowOf(const Conv2DOp&) { return {Layouts::kEither, &AddConvolution}; }
CpuOp RowOf(const FullyConnectedOp&) { return {Layouts::kNhwc, &AddConvolution}; }
CpuOp RowOf(const DepthwiseConv2DOp&) { return {Layouts::kPlanes, &AddWindow}; }
CpuOp RowOf(const Pool2DOp&) { return {Layouts::kPlanes, &AddWindow}; }
// Is lowered where it reads channels first.
CpuOp RowOf(const MeanOp& mean) {
  return {mean.channels_first ? Layouts::kNhwc : Layouts::kReduces, &AddMean};
}
CpuOp RowOf(const PadOp&) { return {Layouts::kPlanes, &AddPad}; }
CpuOp RowOf(const ReshapeOp&) { return {Layouts::kNhwc, &AddReshape}; }
CpuOp RowOf(const ConcatenationOp&) { return {Layouts::kFollows, &AddConcatenation}; }
CpuOp RowOf(const SoftmaxOp&) { return {Layouts::kNhwc, &AddSoftmax}; }
CpuOp RowOf(const LayerNormOp&) { return {Layouts::kFollows, &AddLayerNorm}; }
CpuOp RowOf(const ArithmeticOp&) { return {Layouts::kFollows, &AddElementwise}; }
CpuOp RowOf(const ClampOp&) { return {Layouts::kFollows, &AddElementwise}; }
CpuOp RowOf(const FunctionOp&) { return {Layouts::kFollows, &AddElementwise}; }
CpuOp RowOf(const ResizeOp&) { return {Layouts::kPlanes, &AddResize}; }
CpuOp RowOf(const DepthToSpaceOp&) { return {Layouts::kPlanes, &AddDepthToSpace}; }
// Is lowered before it is planned: only its costs are asked for.
CpuOp RowOf(const TransposeConv2DOp&) { return {Layouts::kPlanes, nullptr}; }
// Is of int8 only.
CpuOp RowOf(const RequantizeOp&) { return {Layouts::kFollows, nullptr}; }
CpuOp RowOf(const SpaceToDepthOp&) { return {Layouts::kPlanes, &AddSpaceToDepth}; }
// [batch, channels, height, width] is read and written as it is.
CpuOp RowOf(const TransposeOp& transpose) {
  return {transpose.to_nhwc ? Layouts::kSpreads : Layouts::kReduces, &AddTranspose};
}

// Those that run in int8; of all others nothing.
CpuOp Int8RowOf(const Conv2DOp&) { return {Layouts::kEither, &AddInt8Convolution}; }
CpuOp Int8RowOf(const FullyConnectedOp&) { return {Layouts::kNhwc, &AddInt8Convolution}; }
CpuOp Int8RowOf(const DepthwiseConv2DOp&) { return {Layouts::kPlanes, &AddInt8Depthwise}; }
CpuOp Int8RowOf(const Pool2DOp&) { return {Layouts::kPlanes, &AddInt8Pool}; }
CpuOp Int8RowOf(const MeanOp&) { return {Layouts::kReduces, &AddInt8Mean}; }
CpuOp Int8RowOf(const ArithmeticOp&) { return {Layouts::kFollows, &AddInt8Arithmetic}; }
CpuOp Int8RowOf(const PadOp&) { return {Layouts::kPlanes, &AddPad}; }
CpuOp Int8RowOf(const SoftmaxOp&) { return {Layouts::kNhwc, &AddInt8Softmax}; }
CpuOp Int8RowOf(const ReshapeOp&) { return {Layouts::kNhwc, &AddReshape}; }
CpuOp Int8RowOf(const ConcatenationOp&) { return {Layouts::kFollows, &AddConcatenation}; }
CpuOp Int8RowOf(const ResizeOp&) { return {Layouts::kPlanes, &AddInt8Resize}; }
// Of blocks whose pixels have whole quads of channels: of TRANSPOSE_CONV only.
CpuOp Int8RowOf(const DepthToSpaceOp&) { return {Layouts::kPlanes, &AddDepthToSpace}; }
CpuOp Int8RowOf(const TransposeConv2DOp&) { return {Layouts::kPlanes, nullptr}; }
CpuOp Int8RowOf(const ClampOp&) { return {Layouts::kFollows, &AddInt8Table}; }
CpuOp Int8RowOf(const FunctionOp&) { return {Layouts::kFollows, &AddInt8Table}; }
CpuOp Int8RowOf(const RequantizeOp&) { return {Layouts::kFollows, &AddInt8Table}; }
template <class Kind>
CpuOp Int8RowOf(const Kind&) {
  return {Layouts::kNhwc, nullptr};
}

}  // namespace

CpuOp CpuOpOf(const GraphOp& op) {
  if (op.is_int8()) {
    return std::visit([](const auto& kind) { return Int8RowOf(kind); }, op.details);
  }
  return std::visit([](const auto& kind) { return RowOf(kind); }, op.details);
}

}  // namespace ubp
