// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/kernels/dense_weights.h"

#include <cstddef>
#include <cstdint>

namespace ubp::opencl {

DenseWeights PackDense(const float* weights, const float* bias, int out_channels, int lanes,
                       int channels_per_item) {
  const int groups = (out_channels + channels_per_item - 1) / channels_per_item;
  DenseWeights packed;
  packed.weights.assign(size_t{1} * groups * lanes * channels_per_item, 0.0f);
  packed.bias.assign(size_t{1} * groups * channels_per_item, 0.0f);
  for (int c = 0; c < out_channels; ++c) {
    const float* const from = weights + int64_t{c} * lanes;
    float* const to = packed.weights.data() +
                      int64_t{c / channels_per_item} * lanes * channels_per_item +
                      c % channels_per_item;
    for (int k = 0; k < lanes; ++k) to[int64_t{k} * channels_per_item] = from[k];
    if (bias != nullptr) packed.bias[c] = bias[c];
  }
  return packed;
}

}  // namespace ubp::opencl
