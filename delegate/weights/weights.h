// SPDX-License-Identifier: Apache-2.0
// A layer's weights in the form that kernels of every backend read: blocks of one size, sorted by (start
// channel, lane), values rotated.
#ifndef UBP_DELEGATE_WEIGHTS_WEIGHTS_H_
#define UBP_DELEGATE_WEIGHTS_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/layer_weights.h"
#include "delegate/weights/lane_numbers.h"

namespace ubp {

// Floats behind the last value that are readable: kernels load whole vectors.
inline constexpr int kValuesBeyond = 16;

struct KernelWeights {
  KernelWeights() = default;
  KernelWeights(KernelWeights&&) = default;  // not copied: `values` may point into owned_values
  KernelWeights& operator=(KernelWeights&&) = default;

  int block_size = 1;
  std::vector<int32_t> counts;       // [out_channels] blocks that start at each channel
  std::vector<int32_t> first_block;  // [out_channels] number of the first of them
  LaneNumbers lanes;                 // [blocks]
  // [blocks * block_size], in owned_values, in cached_values, or the model's; kValuesBeyond more are
  // readable.
  const float* values = nullptr;
  std::vector<float> owned_values;
  std::shared_ptr<const float> cached_values;  // mapped from the weight cache
  size_t num_cached_values = 0;
  std::vector<float> bias;  // [out_channels + 2 * block_size], zeros where there is none

  // Uses `count` values, `offset` bytes into an entry of a weight cache, instead of owned ones.
  void SetCached(const std::shared_ptr<const uint8_t>& entry, size_t offset, size_t count);

  // What this layer keeps in memory beside the model file.
  size_t bytes() const { return bytes_but_lanes() + lanes.bytes(); }
  size_t bytes_but_lanes() const;
};

// Brings a layer to blocks of `block_size`. It divides the layer's own block size: larger blocks
// are cut. A dense layer's non-zero weights are covered, lane by lane, by the fewest blocks that
// contain them all. Blocks of 4 lanes become 4 of one, and int8 values float32. Block-sparse values
// are used where they lie in the model if they can be; all others come from the layer's slot, and are
// put there if it does not have them. Fails where the model's packed bytes have changed, such that they
// cannot be decoded any more.
Status MakeKernelWeights(const LayerWeights& layer, int block_size, KernelWeights* weights);

}  // namespace ubp

#endif  // UBP_DELEGATE_WEIGHTS_WEIGHTS_H_
