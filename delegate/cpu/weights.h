// A layer's weights in the form the kernels read: blocks of a size the kernel family has, sorted by
// (start channel, lane), values rotated.
#ifndef UBP_DELEGATE_CPU_WEIGHTS_H_
#define UBP_DELEGATE_CPU_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/format/packed_layer.h"

namespace ubp {

struct KernelWeights {
  KernelWeights() = default;
  KernelWeights(KernelWeights&&) = default;  // not copied: `values` may point into owned_values
  KernelWeights& operator=(KernelWeights&&) = default;

  int block_size = 1;
  std::vector<int32_t> counts;       // [out_channels] blocks that start at each channel
  std::vector<int32_t> first_block;  // [out_channels] number of the first of them
  std::vector<int32_t> lanes;        // [blocks]
  const float* values =
      nullptr;  // [blocks * block_size]: in owned_values, or where they lie in the model
  std::vector<float> owned_values;
  std::vector<float> bias;  // [out_channels + 2 * block_size], zeros where there is none

  // What this layer keeps in memory beside the model file.
  size_t bytes() const;
};

// Brings `layer` to blocks of `block_size`, which divides the layer's: larger blocks are cut. The
// result refers to the layer's packed buffer where its values can be used as they are.
KernelWeights MakeKernelWeights(const PackedLayer& layer, int block_size);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_WEIGHTS_H_
