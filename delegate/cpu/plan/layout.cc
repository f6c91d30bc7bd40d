// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/layout.h"

#include <string>
#include <utility>

#include "delegate/cpu/operators/convolution.h"
#include "delegate/cpu/operators/window_operator.h"
#include "delegate/cpu/plan/absorb_depthwise.h"
#include "delegate/cpu/plan/choose_geometries.h"
#include "delegate/cpu/plan/choose_layouts.h"
#include "delegate/cpu/plan/choose_strips.h"
#include "delegate/cpu/plan/place_concatenations.h"
#include "delegate/cpu/plan/verify_layout.h"
#include "delegate/rewrite/rewrite.h"

namespace ubp {
namespace {

GraphLayout LayoutOf(ShapedGraph shaped) {
  GraphLayout layout;
  for (ShapedTensor& tensor : shaped.tensors) {
    layout.tensors.emplace_back();
    static_cast<ShapedTensor&>(layout.tensors.back()) = std::move(tensor);
  }
  for (ShapedOp& op : shaped.ops) {
    layout.ops.emplace_back();
    static_cast<ShapedOp&>(layout.ops.back()) = std::move(op);
  }
  layout.own_ops = std::move(shaped.own_ops);
  return layout;
}

}  // namespace

bool ReadsInPlace(const PlannedOp& op) {
  if (op.op->type() == OpType::kConv2D && !op.depthwise) return ConvolutionReadsInPlace(op.shape);
  return WindowReadsInPlace(op.depthwise ? op.depthwise->shape : op.shape) && PaddingIsZero(op);
}

bool RunsOnVectors(const PlannedOp& op) {
  if (op.op->If<FullyConnectedOp>()) return true;
  return op.second < 0 && op.shape.pointwise() && op.shape.in_h == 1 && op.shape.in_w == 1;
}

Status MakeLayout(const Graph& graph, const std::vector<Dims>& dims, const LayoutOptions& options,
                  GraphLayout* layout) {
  const PlanRules& rules = options.rules;
  const bool planes = options.allow_planes;
  ShapedGraph shaped;
  UBP_RETURN_IF_ERROR(MakeShapedGraph(graph, dims, &shaped));
  UBP_RETURN_IF_ERROR(Rewrite(rules, options.verify, &shaped));
  *layout = LayoutOf(std::move(shaped));
  const auto check = [&](const char* pass) {
    if (!options.verify) return Status::Ok();
    const Status status = VerifyLayout(*layout);
    return status.ok() ? status : Status::Error(std::string(pass) + ": " + status.message());
  };
  if (planes && rules.fuse_depthwise) AbsorbDepthwise(rules.fuse_elements, layout);
  UBP_RETURN_IF_ERROR(check("AbsorbDepthwise"));
  ChooseLayouts(planes, layout);
  UBP_RETURN_IF_ERROR(ChooseGeometries(layout));
  UBP_RETURN_IF_ERROR(check("ChooseGeometries"));
  if (rules.place_concatenations) PlaceConcatenations(layout);
  UBP_RETURN_IF_ERROR(check("PlaceConcatenations"));
  if (!planes || !rules.use_strips) return Status::Ok();
  UBP_RETURN_IF_ERROR(ChooseStrips(rules, options.threads, layout));
  return check("ChooseStrips");
}

}  // namespace ubp
