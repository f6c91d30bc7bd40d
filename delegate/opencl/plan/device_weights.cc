// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/device_weights.h"

#include <utility>

#include "delegate/opencl/kernels/dense_weights.h"
#include "delegate/weights/packed_weights.h"
#include "delegate/weights/weights.h"

namespace ubp::opencl {
namespace {

Status PackSparse(const LayerWeights& weights, Queue* queue, SparseLayer* layer) {
  KernelWeights blocks;
  layer->block_size = DeviceBlockSize(weights);
  UBP_RETURN_IF_ERROR(MakeKernelWeights(weights, layer->block_size, &blocks));
  layer->first = blocks.first_block;
  layer->first.push_back(static_cast<int32_t>(blocks.lanes.size()));
  layer->first_array = layer->constants.Add(layer->first);
  layer->values_array =
      layer->constants.Add(blocks.values, blocks.lanes.size() * layer->block_size);
  layer->bias_array = layer->constants.Add(blocks.bias);
  layer->lanes = std::move(blocks.lanes);
  return layer->constants.Upload(queue);
}

// [out_channels, lanes] of a layer in blocks.
Status UnpackBlocks(const LayerWeights& weights, std::vector<float>* dense) {
  const LayerAttributes& attributes = weights.attributes;
  const int n = attributes.block_size;
  KernelWeights blocks;
  UBP_RETURN_IF_ERROR(MakeKernelWeights(weights, n, &blocks));
  const int64_t lanes = attributes.lanes();
  dense->assign(attributes.out_channels * lanes, 0.0f);
  size_t block = 0;
  for (int start = 0; start < attributes.out_channels; ++start) {
    for (int i = 0; i < blocks.counts[start]; ++i, ++block) {
      for (int c = start; c < start + n; ++c) {
        (*dense)[c * lanes + blocks.lanes[block]] += blocks.values[block * n + c % n];
      }
    }
  }
  return Status::Ok();
}

Status PackDenseLayer(const LayerWeights& weights, int channels_per_item, Queue* queue,
                      DenseLayer* layer) {
  const LayerAttributes& attributes = weights.attributes;
  std::vector<float> unpacked;
  const float* dense = weights.dense.weights;
  if (dense == nullptr) {
    UBP_RETURN_IF_ERROR(UnpackBlocks(weights, &unpacked));
    dense = unpacked.data();
  }
  const DenseWeights packed = PackDense(dense, weights.bias(), attributes.out_channels,
                                        attributes.lanes(), channels_per_item);
  layer->channels_per_item = channels_per_item;
  layer->weights_array = layer->constants.Add(packed.weights);
  layer->bias_array = layer->constants.Add(packed.bias);
  return layer->constants.Upload(queue);
}

}  // namespace

int DeviceBlockSize(const LayerWeights& layer) {
  return layer.dense.weights != nullptr ? layer.dense.block_size : layer.attributes.block_size;
}

Status DeviceWeights::Sparse(const GraphOp& op, Queue* queue,
                             std::shared_ptr<const SparseLayer>* layer) {
  std::shared_ptr<const SparseLayer>& held = sparse_[&op];
  if (held == nullptr) {
    auto made = std::make_shared<SparseLayer>();
    UBP_RETURN_IF_ERROR(PackSparse(*LayerOf(op), queue, made.get()));
    held = std::move(made);
    ++packings_;
  }
  *layer = held;
  return Status::Ok();
}

Status DeviceWeights::Dense(const GraphOp& op, Queue* queue,
                            std::shared_ptr<const DenseLayer>* layer) {
  std::shared_ptr<const DenseLayer>& held = dense_[&op];
  if (held == nullptr) {
    auto made = std::make_shared<DenseLayer>();
    const LayerWeights& weights = *LayerOf(op);
    const int channels_per_item = ChooseDenseChannels(device_, weights.attributes.out_channels,
                                                      op.If<FullyConnectedOp>() != nullptr);
    UBP_RETURN_IF_ERROR(PackDenseLayer(weights, channels_per_item, queue, made.get()));
    held = std::move(made);
    ++packings_;
  }
  *layer = held;
  return Status::Ok();
}

Status DeviceWeights::Depthwise(const GraphOp& op, Queue* queue,
                                std::shared_ptr<const DepthwiseLayer>* layer) {
  std::shared_ptr<const DepthwiseLayer>& held = depthwise_[&op];
  if (held == nullptr) {
    auto made = std::make_shared<DepthwiseLayer>();
    const auto& kind = op.As<DepthwiseConv2DOp>();
    const int taps = kind.attributes.taps();
    const ubp::DepthwiseWeights packed =
        PackDepthwise(kind.weights, kind.bias, taps, kind.attributes.out_channels);
    made->weights_array = made->constants.Add(packed.weights);
    made->bias_array = made->constants.Add(packed.bias);
    UBP_RETURN_IF_ERROR(made->constants.Upload(queue));
    held = std::move(made);
    ++packings_;
  }
  *layer = held;
  return Status::Ok();
}

size_t DeviceWeights::bytes() const {
  size_t bytes = 0;
  for (const auto& [op, layer] : sparse_) {
    if (layer == nullptr) continue;
    bytes +=
        layer->constants.bytes() + layer->lanes.bytes() + sizeof(int32_t) * layer->first.size();
  }
  for (const auto& [op, layer] : dense_) bytes += layer ? layer->constants.bytes() : 0;
  for (const auto& [op, layer] : depthwise_) bytes += layer ? layer->constants.bytes() : 0;
  return bytes;
}

}  // namespace ubp::opencl
