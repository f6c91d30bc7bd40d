#include "delegate/graph/operators.h"

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

// Without the function behind it.
WindowOperator MakePlainWindow(const GraphLayout& layout, const PlannedOp& op,
                               const KernelFamily& family, int threads) {
  const PlaneGeometry& input = layout.tensors[op.input].geometry;
  const PlaneGeometry& output = layout.tensors[op.output].geometry;
  const ActivationRange range = RangeOf(op.activation);
  if (op.op->type == OpType::kDepthwiseConv2D) {
    return MakeDepthwise(*op.op, op.shape, input, output, range, family, threads);
  }
  if (op.op->type == OpType::kAveragePool2D) {
    const bool zeros_count = op.op->attributes.padding == Padding::kValid;  // those it absorbed
    return WindowOperator::AveragePool(op.shape, input, output, zeros_count, range, family,
                                       threads);
  }
  return WindowOperator::MaxPool(op.shape, input, output, PaddingIsZero(*op.op), range, family,
                                 threads);
}

}  // namespace

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
    *convolution = MakeReferenceConvolution(layer, op.shape);
  } else if (!conv_layout.input && !conv_layout.output && SuitsVectorConvolution(layer, op.shape)) {
    *convolution = MakeVectorConvolution(layer, op.shape, conv_layout.function, *family);
  } else {
    return MakeWrosConvolution(layer, op.shape, conv_layout, *family, threads, convolution);
  }
  return Status::Ok();
}

Status MakeRowOperator(const GraphLayout& layout, const PlannedOp& op, const KernelFamily& family,
                       int max_rows, std::unique_ptr<RowOperator>* row_operator) {
  if (op.op->type == OpType::kConv2D) {
    return MakeWrosRows(WeightsOf(op), op.shape, ConvLayoutOf(layout, op, &family), family,
                        max_rows, row_operator);
  }
  *row_operator = std::make_unique<WindowOperator>(MakeWindow(layout, op, family, 1));
  return Status::Ok();
}

}  // namespace ubp
