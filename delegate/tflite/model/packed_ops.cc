#include "delegate/tflite/model/packed_ops.h"

#include <string>
#include <utility>

#include "delegate/format/packed_layer.h"

namespace ubp {
namespace {

// The inputs of a converted layer.
enum PackedInput { kActivation = 0, kPackedWeights = 1, kBias = 2, kNumInputs = 3 };

Status CheckPackedTensors(const NodeView& node) {
  if (node.num_inputs() < kBias || node.num_inputs() > kNumInputs) {
    return Status::Error("the op has " + std::to_string(node.num_inputs()) +
                         " inputs, expected 2 or 3.");
  }
  const TfLiteTensor* activation = node.Input(kActivation);
  const TfLiteTensor* packed = node.Input(kPackedWeights);
  if (activation == nullptr || packed == nullptr) {
    return Status::Error("the activation or the packed weights are missing.");
  }
  const TfLiteTensor* output = node.Output();
  if (activation->type != kTfLiteFloat32 || output->type != kTfLiteFloat32) {
    return Status::Error("the activation and the output must be float32.");
  }
  if (output->allocation_type == kTfLiteMmapRo) {
    return Status::Error("the output is a constant.");
  }
  if (packed->type != kTfLiteUInt8 || !IsConstant(*packed)) {
    return Status::Error("the packed weights must be a constant uint8 tensor.");
  }
  return Status::Ok();
}

}  // namespace

void SetPackedLayer(const LayerWeights& layer, GraphOp* op) {
  const LayerAttributes& attributes = layer.attributes;
  op->activation = attributes.activation;
  switch (attributes.kind) {
    case OpKind::kConv2D:
      op->details = Conv2DOp{{}, layer};
      break;
    case OpKind::kFullyConnected:
      op->details = FullyConnectedOp{{}, layer};
      break;
    case OpKind::kTransposeConv2D:
      op->details =
          TransposeConv2DOp{{},
                            layer,
                            attributes.pads,
                            {{}, attributes.block_h, attributes.block_w, attributes.crop, {}}};
      break;
  }
}

Status ReadPackedOp(OpKind kind, const NodeView& node, GraphOp* op) {
  UBP_RETURN_IF_ERROR(CheckPackedTensors(node));
  LayerWeights layer;
  LayerAttributes& attributes = layer.attributes;
  UBP_RETURN_IF_ERROR(
      ReadAttributes(kind, node.custom_options(), node.custom_options_size(), &attributes));
  const float* bias = nullptr;
  UBP_RETURN_IF_ERROR(node.ReadBias(kBias, attributes.out_channels, &bias));
  const TfLiteTensor& packed = *node.Input(kPackedWeights);
  UBP_RETURN_IF_ERROR(
      PackedLayer::Check(attributes, packed.data.uint8, packed.bytes, bias, &layer.packed));
  SetPackedLayer(layer, op);
  return Status::Ok();
}

}  // namespace ubp
