// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/packed_ops.h"

#include <string>
#include <utility>

#include "delegate/format/packed_layer.h"
#include "delegate/tflite/model/builtin_readers.h"
#include "delegate/tflite/model/quantized_tensors.h"

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
  const bool known = activation->type == kTfLiteFloat32 || activation->type == kTfLiteInt8;
  if (!known || output->type != activation->type) {
    return Status::Error("the activation and the output must be float32, or both int8.");
  }
  if (output->allocation_type == kTfLiteMmapRo) {
    return Status::Error("the output is a constant.");
  }
  if (packed->type != kTfLiteUInt8 || !IsConstant(*packed)) {
    return Status::Error("the packed weights must be a constant uint8 tensor.");
  }
  return Status::Ok();
}

// The bias and the blocks of an op whose activations are int8.
Status CheckInt8Layer(const NodeView& node, const TfLiteTensor& packed, LayerWeights* layer) {
  const LayerAttributes& attributes = layer->attributes;
  if (attributes.kind == OpKind::kTransposeConv2D || attributes.value_type != ValueType::kInt8 ||
      attributes.block_lanes == 1) {
    return Status::Error(
        "the activation is int8, expected blocks of 4 lanes of int8 values of a "
        "convolution or fully-connected layer.");
  }
  TensorType type;
  UBP_RETURN_IF_ERROR(ReadTensorType(*node.Input(kActivation), "activation", &type));
  UBP_RETURN_IF_ERROR(ReadTensorType(*node.Output(), "output", &type));
  const int32_t* bias = nullptr;
  UBP_RETURN_IF_ERROR(node.ReadInt32Bias(kBias, attributes.out_channels, &bias));
  UBP_RETURN_IF_ERROR(
      PackedLayer::Check(attributes, packed.data.uint8, packed.bytes, bias, &layer->packed));
  return CheckRequantization(node, kActivation, layer->packed.scales());
}

Status CheckFloatLayer(const NodeView& node, const TfLiteTensor& packed, LayerWeights* layer) {
  const float* bias = nullptr;
  UBP_RETURN_IF_ERROR(node.ReadBias(kBias, layer->attributes.out_channels, &bias));
  return PackedLayer::Check(layer->attributes, packed.data.uint8, packed.bytes, bias,
                            &layer->packed);
}

}  // namespace

ElementType PackedElements(const NodeView& node) {
  const TfLiteTensor* activation = node.Input(kActivation);
  const bool is_int8 = activation != nullptr && activation->type == kTfLiteInt8;
  return is_int8 ? ElementType::kInt8 : ElementType::kFloat32;
}

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
  const TfLiteTensor& packed = *node.Input(kPackedWeights);
  op->elements = PackedElements(node);
  UBP_RETURN_IF_ERROR(op->is_int8() ? CheckInt8Layer(node, packed, &layer)
                                    : CheckFloatLayer(node, packed, &layer));
  SetPackedLayer(layer, op);
  return Status::Ok();
}

}  // namespace ubp
