// SPDX-License-Identifier: Apache-2.0
// The weights of a layer as the model has them.
#ifndef UBP_DELEGATE_GRAPH_LAYER_WEIGHTS_H_
#define UBP_DELEGATE_GRAPH_LAYER_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "delegate/format/packed_layer.h"
#include "delegate/graph/cache_slot.h"

namespace ubp {

// Constant dense weights where they lie in the model.
struct DenseWeights {
  const float* weights = nullptr;  // [out_channels, lanes]
  const float* bias = nullptr;     // [out_channels], or null
  // To be run in blocks of this size, which cover its non-zeros; 0: it has hardly any zeros, and is
  // run as is best for the kernels.
  int block_size = 0;
  // Parts of the channels, of equal size, whose lanes are not the same: no block crosses from one into
  // the next, where it would multiply what the layer does not read.
  int groups = 1;
  // Of all weights those that the layer has; the others are zero for all its channels of a group.
  double share = 1.0;
};

// Constant weights of an int8 layer where they lie in the model: one of channel c stands for scales[c]
// times its value.
struct Int8Weights {
  // [out_channels, lanes]; of a depthwise convolution [taps, channels]; null where they are packed
  const int8_t* weights = nullptr;
  const int32_t* bias = nullptr;  // [out_channels], in units of the input's scale times scales[c]
  std::vector<float> scales;      // [out_channels]
  // To be run in blocks of so many channels and 4 lanes, which cover its non-zeros; 0: it has hardly
  // any zeros, and is run as is best for the kernels.
  int block_size = 0;
};

// The weights of a convolution or fully-connected layer as the model has them.
struct LayerWeights {
  LayerAttributes attributes;
  PackedLayer packed;  // of a block-sparse layer
  DenseWeights dense;  // of any other in float32; its weights are null for a block-sparse one
  Int8Weights int8;    // in its place, of a dense int8 layer
  CacheSlot slot;      // where the form that kernels read is kept from one load to the next

  const float* bias() const { return dense.weights != nullptr ? dense.bias : packed.bias(); }
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_LAYER_WEIGHTS_H_
