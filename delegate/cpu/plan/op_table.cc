#include "delegate/cpu/plan/op_table.h"

namespace ubp {
namespace {

CpuOp RowOf(const Conv2DOp&) { return {Layouts::kEither, &AddConvolution}; }
CpuOp RowOf(const FullyConnectedOp&) { return {Layouts::kNhwc, &AddConvolution}; }
CpuOp RowOf(const DepthwiseConv2DOp&) { return {Layouts::kPlanes, &AddWindow}; }
CpuOp RowOf(const Pool2DOp&) { return {Layouts::kPlanes, &AddWindow}; }
CpuOp RowOf(const MeanOp&) { return {Layouts::kReduces, &AddMean}; }
CpuOp RowOf(const PadOp&) { return {Layouts::kPlanes, &AddPad}; }
CpuOp RowOf(const ReshapeOp&) { return {Layouts::kNhwc, &AddReshape}; }
CpuOp RowOf(const ConcatenationOp&) { return {Layouts::kFollows, &AddConcatenation}; }
CpuOp RowOf(const SoftmaxOp&) { return {Layouts::kNhwc, &AddSoftmax}; }
CpuOp RowOf(const ArithmeticOp&) { return {Layouts::kFollows, &AddElementwise}; }
CpuOp RowOf(const ClampOp&) { return {Layouts::kFollows, &AddElementwise}; }
CpuOp RowOf(const FunctionOp&) { return {Layouts::kFollows, &AddElementwise}; }
CpuOp RowOf(const ResizeOp&) { return {Layouts::kPlanes, &AddResize}; }
CpuOp RowOf(const DepthToSpaceOp&) { return {Layouts::kPlanes, &AddDepthToSpace}; }
// Is lowered before it is planned: only its costs are asked for.
CpuOp RowOf(const TransposeConv2DOp&) { return {Layouts::kPlanes, nullptr}; }
CpuOp RowOf(const SpaceToDepthOp&) { return {Layouts::kPlanes, &AddSpaceToDepth}; }

}  // namespace

CpuOp CpuOpOf(const GraphOp& op) {
  return std::visit([](const auto& kind) { return RowOf(kind); }, op.details);
}

}  // namespace ubp
