#include "delegate/cpu/plan/make_operators.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ubp {
namespace {

LayerWeights WeightsOf(const PlannedOp& op) {
  LayerWeights layer{op.op->attributes, op.op->packed, op.op->dense, op.op->slot};
  layer.attributes.activation = op.activation;
  return layer;
}

WindowOperator MakeDepthwise(const GraphOp& op, const ConvShape& shape, const PlaneGeometry& input,
                             const PlaneGeometry& output, ActivationRange range,
                             const KernelFamily& family, int threads) {
  return WindowOperator::Depthwise(shape, input, output, op.dense.weights, op.dense.bias, range,
                                   family, threads);
}

ConvLayout ConvLayoutOf(const GraphLayout& layout, const PlannedOp& op,
                        const KernelFamily* family) {
  ConvLayout result;
  if (op.function) result.function = RowFunction(*op.function, *family);
  if (op.op->type == OpType::kFullyConnected) return result;
  const TensorLayout& input = layout.tensors[op.input];
  const TensorLayout& output = layout.tensors[op.output];
  if (input.planes) result.input = input.geometry;
  if (output.planes) result.output = output.geometry;
  if (op.second >= 0) result.residual = layout.tensors[op.second].geometry;
  if (op.depthwise) {
    const AbsorbedDepthwise& depthwise = *op.depthwise;
    auto window = std::make_shared<WindowOperator>(
        MakeDepthwise(*depthwise.op, depthwise.shape, input.geometry, input.geometry,
                      RangeOf(depthwise.activation), *family, 1));
    if (depthwise.function) window->set_function(RowFunction(*depthwise.function, *family));
    result.depthwise = std::move(window);
  }
  return result;
}

// Whether the zeros around the image of a pooling count: those of pads that it absorbed do.
bool ZerosCount(const GraphOp& op) { return op.attributes.padding == Padding::kValid; }

// The interpreter's poolings clamp to finite values, whatever the activation. One that is in no model
// copies.
ActivationRange PoolRange(const PlannedOp& op) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  ActivationRange range = RangeOf(op.activation);
  if (op.op->node < 0) return range;
  return {std::max(range.min, -kLargest), std::min(range.max, kLargest)};
}

// Without the function behind it.
WindowOperator MakePlainWindow(const GraphLayout& layout, const PlannedOp& op,
                               const KernelFamily& family, int threads) {
  const PlaneGeometry& input = layout.tensors[op.input].geometry;
  const PlaneGeometry& output = layout.tensors[op.output].geometry;
  if (op.op->type == OpType::kDepthwiseConv2D) {
    return MakeDepthwise(*op.op, op.shape, input, output, RangeOf(op.activation), family, threads);
  }
  if (op.op->type == OpType::kAveragePool2D) {
    return WindowOperator::AveragePool(op.shape, input, output, ZerosCount(*op.op), PoolRange(op),
                                       family, threads);
  }
  return WindowOperator::MaxPool(op.shape, input, output, PoolRange(op), family, threads);
}

}  // namespace

bool PoolsByRows(const PlannedOp& op) {
  if (op.op->type != OpType::kMaxPool2D && op.op->type != OpType::kAveragePool2D) return false;
  // Few taps are read where they are in less time than rows are reduced and written.
  constexpr int kFewTaps = 9;
  const ConvShape& s = op.shape;
  return int64_t{s.kernel_h} * s.kernel_w > kFewTaps || !WindowReadsInPlace(s) ||
         !PaddingIsZero(*op.op);
}

PoolOperator MakePool(const GraphLayout& layout, const PlannedOp& op, const KernelFamily& family,
                      int threads) {
  PoolOptions options;
  options.kind = op.op->type == OpType::kMaxPool2D ? PoolKind::kMax : PoolKind::kAverage;
  options.zeros_count = ZerosCount(*op.op);
  options.range = PoolRange(op);
  if (op.function) options.function = RowFunction(*op.function, family);
  return PoolOperator(op.shape, layout.tensors[op.input].geometry,
                      layout.tensors[op.output].geometry, options, family, threads);
}

WindowOperator MakeWindow(const GraphLayout& layout, const PlannedOp& op,
                          const KernelFamily& family, int threads) {
  WindowOperator window = MakePlainWindow(layout, op, family, threads);
  if (op.function) window.set_function(RowFunction(*op.function, family));
  return window;
}

Status MakeConvolution(const GraphLayout& layout, const PlannedOp& op, const KernelFamily* family,
                       int threads, std::unique_ptr<Convolution>* convolution) {
  const LayerWeights layer = WeightsOf(op);
  const ConvLayout conv_layout = ConvLayoutOf(layout, op, family);
  if (family == nullptr) {
    return MakeReferenceConvolution(layer, op.shape, convolution);
  }
  if (!conv_layout.input && !conv_layout.output && SuitsVectorConvolution(layer, op.shape)) {
    *convolution = MakeVectorConvolution(layer, op.shape, conv_layout.function, *family);
    return Status::Ok();
  }
  return MakeWrosConvolution(layer, op.shape, conv_layout, *family, threads, convolution);
}

Status MakeRowOperator(const GraphLayout& layout, const PlannedOp& op, const KernelFamily& family,
                       int max_rows, std::unique_ptr<RowOperator>* row_operator) {
  if (op.op->type == OpType::kConv2D) {
    return MakeWrosRows(WeightsOf(op), op.shape, ConvLayoutOf(layout, op, &family), family,
                        max_rows, row_operator);
  }
  if (PoolsByRows(op)) {
    *row_operator = std::make_unique<PoolOperator>(MakePool(layout, op, family, 1));
  } else {
    *row_operator = std::make_unique<WindowOperator>(MakeWindow(layout, op, family, 1));
  }
  return Status::Ok();
}

}  // namespace ubp
