// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/make_operators.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "delegate/cpu/operators/block_size.h"

namespace ubp {
namespace {

Status PackedOf(const PlannedOp& op, const OperatorContext& context, PackedLayerWeights* packed) {
  const LayerWeights& layer = *LayerOf(*op.op);
  const int block_size =
      context.isa != nullptr ? KernelBlockSize(layer, *context.isa) : layer.attributes.block_size;
  packed->lanes = layer.attributes.lanes();
  packed->activation = op.activation;
  return context.weights->Blocks(*op.op, block_size, &packed->weights);
}

ConvLayout ConvLayoutOf(const PlannedOp& op, const OperatorContext& context) {
  const GraphLayout& layout = context.layout;
  ConvLayout result;
  if (op.function) result.function = RowFunction(*op.function, *context.isa);
  if (op.op->type() == OpType::kFullyConnected) return result;
  const TensorLayout& input = layout.tensors[op.input];
  const TensorLayout& output = layout.tensors[op.output];
  if (input.planes) result.input = input.geometry;
  if (output.planes) result.output = output.geometry;
  if (op.second >= 0) result.residual = layout.tensors[op.second].geometry;
  if (op.depthwise) {
    const AbsorbedDepthwise& depthwise = *op.depthwise;
    auto window = std::make_shared<WindowOperator>(WindowOperator::Depthwise(
        depthwise.shape, input.geometry, input.geometry, context.weights->Depthwise(*depthwise.op),
        RangeOf(depthwise.activation), *context.isa, 1));
    if (depthwise.function) {
      window->set_function(RowFunction(*depthwise.function, *context.isa));
    }
    result.depthwise = std::move(window);
  }
  return result;
}

// Whether a layer runs without blocks, images to images.
bool IsVectorConvolution(const PlannedOp& op, const OperatorContext& context) {
  const auto is_image = [&](int t) { return !context.layout.tensors[t].planes; };
  const bool images =
      op.op->type() == OpType::kFullyConnected || (is_image(op.input) && is_image(op.output));
  return context.isa != nullptr && images && SuitsVectorConvolution(*LayerOf(*op.op), op.shape);
}

// The interpreter's poolings clamp to finite values, whatever the activation. One that is in no model
// copies.
ActivationRange PoolRange(const PlannedOp& op) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  ActivationRange range = RangeOf(op.activation);
  if (op.op->node < 0) return range;
  return {std::max(range.min, -kLargest), std::min(range.max, kLargest)};
}

// Without the function behind it.
WindowOperator MakePlainWindow(const PlannedOp& op, const OperatorContext& context, int threads) {
  const PlaneGeometry& input = context.layout.tensors[op.input].geometry;
  const PlaneGeometry& output = context.layout.tensors[op.output].geometry;
  const InstructionSet& isa = *context.isa;
  if (op.op->type() == OpType::kDepthwiseConv2D) {
    return WindowOperator::Depthwise(op.shape, input, output, context.weights->Depthwise(*op.op),
                                     RangeOf(op.activation), isa, threads);
  }
  if (op.op->type() == OpType::kAveragePool2D) {
    return WindowOperator::AveragePool(op.shape, input, output, !op.ignores_padding, PoolRange(op),
                                       isa, threads);
  }
  return WindowOperator::MaxPool(op.shape, input, output, PoolRange(op), isa, threads);
}

}  // namespace

bool PoolsByRows(const PlannedOp& op) {
  if (op.op->type() != OpType::kMaxPool2D && op.op->type() != OpType::kAveragePool2D) return false;
  // Few taps are read where they are in less time than rows are reduced and written.
  constexpr int kFewTaps = 9;
  const ConvShape& s = op.shape;
  return int64_t{s.kernel_h} * s.kernel_w > kFewTaps || !WindowReadsInPlace(s) ||
         !PaddingIsZero(op);
}

PoolOperator MakePool(const PlannedOp& op, const OperatorContext& context, int threads) {
  PoolOptions options;
  options.kind = op.op->As<Pool2DOp>().kind;
  options.zeros_count = !op.ignores_padding;
  options.range = PoolRange(op);
  if (op.function) options.function = RowFunction(*op.function, *context.isa);
  return PoolOperator(op.shape, context.layout.tensors[op.input].geometry,
                      context.layout.tensors[op.output].geometry, options, *context.isa, threads);
}

WindowOperator MakeWindow(const PlannedOp& op, const OperatorContext& context, int threads) {
  WindowOperator window = MakePlainWindow(op, context, threads);
  if (op.function) window.set_function(RowFunction(*op.function, *context.isa));
  return window;
}

Status WeightUseOf(const PlannedOp& op, const OperatorContext& context, WeightUse* use) {
  const LayerAttributes& attributes = LayerOf(*op.op)->attributes;
  const int64_t bias_bytes = int64_t{sizeof(float)} * attributes.out_channels;
  if (IsVectorConvolution(op, context)) {
    use->multiplied = int64_t{attributes.lanes()} * attributes.out_channels;
    use->bytes = int64_t{sizeof(float)} * use->multiplied + bias_bytes;
    return Status::Ok();
  }
  PackedLayerWeights packed;
  UBP_RETURN_IF_ERROR(PackedOf(op, context, &packed));
  const KernelWeights& weights = *packed.weights;
  const auto blocks = static_cast<int64_t>(weights.lanes.size());
  const auto counts = static_cast<int64_t>(weights.counts.size());
  use->multiplied = blocks * weights.block_size;
  use->bytes = int64_t{sizeof(float)} * use->multiplied + bias_bytes +
               int64_t{sizeof(int32_t)} * (blocks + counts);
  return Status::Ok();
}

Status MakeConvolution(const PlannedOp& op, const OperatorContext& context,
                       std::unique_ptr<Convolution>* convolution) {
  PackedLayerWeights packed;
  if (context.isa == nullptr) {
    UBP_RETURN_IF_ERROR(PackedOf(op, context, &packed));
    *convolution = MakeReferenceConvolution(packed, op.shape);
    return Status::Ok();
  }
  const ConvLayout conv_layout = ConvLayoutOf(op, context);
  if (IsVectorConvolution(op, context)) {
    LayerWeights layer = *LayerOf(*op.op);
    layer.attributes.activation = op.activation;
    *convolution = MakeVectorConvolution(layer, op.shape, conv_layout.function, *context.isa);
    return Status::Ok();
  }
  UBP_RETURN_IF_ERROR(PackedOf(op, context, &packed));
  return MakeWrosConvolution(packed, op.shape, conv_layout, *context.isa, context.threads,
                             convolution);
}

Status MakeRowOperator(const PlannedOp& op, const OperatorContext& context, int max_rows,
                       std::unique_ptr<RowOperator>* row_operator) {
  if (op.op->type() == OpType::kConv2D) {
    PackedLayerWeights packed;
    UBP_RETURN_IF_ERROR(PackedOf(op, context, &packed));
    return MakeWrosRows(packed, op.shape, ConvLayoutOf(op, context), *context.isa, max_rows,
                        row_operator);
  }
  if (PoolsByRows(op)) {
    *row_operator = std::make_unique<PoolOperator>(MakePool(op, context, 1));
  } else {
    *row_operator = std::make_unique<WindowOperator>(MakeWindow(op, context, 1));
  }
  return Status::Ok();
}

}  // namespace ubp
