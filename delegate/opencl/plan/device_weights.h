// SPDX-License-Identifier: Apache-2.0
// The weights of a graph's layers on a device: packed and uploaded once, whatever the shapes that the
// graph is run in.
#ifndef UBP_DELEGATE_OPENCL_PLAN_DEVICE_WEIGHTS_H_
#define UBP_DELEGATE_OPENCL_PLAN_DEVICE_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/opencl/kernels/tiling.h"
#include "delegate/opencl/plan/constants.h"
#include "delegate/opencl/runtime/queue.h"
#include "delegate/weights/lane_numbers.h"

namespace ubp::opencl {

// In blocks.
struct SparseLayer {
  int block_size = 1;
  std::vector<int32_t> first;  // [out_channels + 1]: of each start channel, the first block
  LaneNumbers lanes;           // [blocks]
  Constants constants;
  size_t first_array = 0, values_array = 0, bias_array = 0;
};

// As PackDense() makes it.
struct DenseLayer {
  int channels_per_item = 8;
  Constants constants;
  size_t weights_array = 0, bias_array = 0;
};

struct DepthwiseLayer {
  Constants constants;
  size_t weights_array = 0, bias_array = 0;
};

// The size of the blocks in which a layer runs; 0 where it runs densely.
int DeviceBlockSize(const LayerWeights& layer);

// Not thread-safe. What it gives out stays as long as someone holds it. Layers are known by their
// address: a DeviceWeights goes with one graph, which does not change. All functions fail where memory
// runs out, or the model's bytes cannot be read any more.
class DeviceWeights {
 public:
  explicit DeviceWeights(const DeviceShape& device) : device_(device) {}

  Status Sparse(const GraphOp& op, Queue* queue, std::shared_ptr<const SparseLayer>* layer);
  // Of any convolution or fully-connected layer, its zeros included.
  Status Dense(const GraphOp& op, Queue* queue, std::shared_ptr<const DenseLayer>* layer);
  Status Depthwise(const GraphOp& op, Queue* queue, std::shared_ptr<const DepthwiseLayer>* layer);

  size_t bytes() const;
  // How often a layer has been packed so far.
  int64_t packings() const { return packings_; }

 private:
  const DeviceShape device_;
  std::map<const GraphOp*, std::shared_ptr<const SparseLayer>> sparse_;
  std::map<const GraphOp*, std::shared_ptr<const DenseLayer>> dense_;
  std::map<const GraphOp*, std::shared_ptr<const DepthwiseLayer>> depthwise_;
  int64_t packings_ = 0;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_DEVICE_WEIGHTS_H_
