// SPDX-License-Identifier: Apache-2.0
#include "delegate/weights/packed_weights.h"

#include <algorithm>

#include "delegate/weights/packed_quads.h"

namespace ubp {

DepthwiseWeights PackDepthwise(const float* weights, const float* bias, int taps, int channels) {
  DepthwiseWeights packed;
  packed.weights.resize(int64_t{channels} * taps);
  for (int c = 0; c < channels; ++c) {
    for (int t = 0; t < taps; ++t) {
      packed.weights[int64_t{c} * taps + t] = weights[int64_t{t} * channels + c];
    }
  }
  packed.bias.assign(channels, 0.0f);
  if (bias != nullptr) std::copy_n(bias, channels, packed.bias.begin());
  return packed;
}

Status PackedWeights::Blocks(const GraphOp& op, int block_size,
                             std::shared_ptr<const KernelWeights>* weights) {
  std::shared_ptr<const KernelWeights>& held = blocks_[{&op, block_size}];
  if (held == nullptr) {
    KernelWeights made;
    UBP_RETURN_IF_ERROR(MakeKernelWeights(*LayerOf(op), block_size, &made));
    held = std::make_shared<const KernelWeights>(std::move(made));
    ++packings_;
  }
  *weights = held;
  return Status::Ok();
}

std::shared_ptr<const DepthwiseWeights> PackedWeights::Depthwise(const GraphOp& op) {
  std::shared_ptr<const DepthwiseWeights>& held = depthwise_[&op];
  if (held == nullptr) {
    const auto& layer = op.As<DepthwiseConv2DOp>();
    const LayerAttributes& attributes = layer.attributes;
    held = std::make_shared<const DepthwiseWeights>(
        PackDepthwise(layer.weights, layer.bias, attributes.taps(), attributes.out_channels));
    ++packings_;
  }
  return held;
}

Status PackedWeights::Quads(const GraphOp& op, int block_size, const QuadQuantization& quantization,
                            std::shared_ptr<const QuadWeights>* weights) {
  std::shared_ptr<const QuadWeights>& held = quads_[&op];
  if (held == nullptr) {
    const LayerWeights& layer = *LayerOf(op);
    const LayerAttributes& attributes = layer.attributes;
    auto made = std::make_shared<QuadWeights>();
    if (layer.int8.weights == nullptr) {
      UBP_RETURN_IF_ERROR(TakePackedQuads(layer.packed, quantization, made.get()));
    } else {
      const QuadSizes sizes = {attributes.out_channels, attributes.lanes() / attributes.in_channels,
                               attributes.in_channels};
      PackQuads(layer.int8.weights, layer.int8.scales.data(), layer.int8.bias, sizes, quantization,
                block_size, made.get());
    }
    held = std::move(made);
    ++packings_;
  }
  *weights = held;
  return Status::Ok();
}

std::shared_ptr<const QuadDepthwiseWeights> PackedWeights::QuadDepthwise(
    const GraphOp& op, const QuadQuantization& quantization) {
  std::shared_ptr<const QuadDepthwiseWeights>& held = quad_depthwise_[&op];
  if (held == nullptr) {
    const auto& layer = op.As<DepthwiseConv2DOp>();
    const LayerAttributes& attributes = layer.attributes;
    held = std::make_shared<const QuadDepthwiseWeights>(
        PackQuadDepthwise(layer.int8.weights, layer.int8.scales.data(), layer.int8.bias,
                          attributes.taps(), attributes.out_channels, quantization));
    ++packings_;
  }
  return held;
}

size_t PackedWeights::bytes() const {
  size_t bytes = 0;
  for (const auto& [key, weights] : blocks_) bytes += weights ? weights->bytes() : 0;
  for (const auto& [key, weights] : depthwise_) bytes += weights->bytes();
  for (const auto& [key, weights] : quads_) bytes += weights ? weights->bytes() : 0;
  for (const auto& [key, weights] : quad_depthwise_) bytes += weights->bytes();
  return bytes;
}

}  // namespace ubp
