// SPDX-License-Identifier: Apache-2.0
// An int8 layer's weights in the form that kernels read.
//
// A *quad* is 4 consecutive channels of one pixel; a *group*, 4 consecutive lanes of one tap: the
// weights that meet an input quad. Group g = tap * in_quads + quad, where in_quads is the number of
// input channels / 4, rounded up. A block is N consecutive output channels of one group, N * 4
// weights.
//
// Activations lie in memory as unsigned or as signed bytes, as the kernels' dot products want them: as
// q ^ flip, where q is the quantized value of the model and flip is 0x80 or 0. Weights are always
// signed.
#ifndef UBP_DELEGATE_WEIGHTS_QUAD_WEIGHTS_H_
#define UBP_DELEGATE_WEIGHTS_QUAD_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/weights/lane_numbers.h"

namespace ubp {

inline constexpr int kQuad = 4;
// Channels that counts, numbers of blocks, bias and scales are there for: a multiple.
inline constexpr int kQuadChannels = 8;
// Bytes behind the last value that are readable: kernels load whole vectors.
inline constexpr int kQuadValuesBeyond = 64;

// How the values of one tensor, or one layer, stand for real numbers: real = scale * (q -
// zero_point).
struct QuadQuantization {
  float input_scale = 1;
  int input_zero_point = 0;
  float output_scale = 1;
  uint8_t flip = 0;  // of the kernels
};

// Blocks are sorted by (start channel, group) and stored rotated: the weights of channel c stand at
// position c mod N. Blocks may begin at any channel; weights of channels that there are not are zero.
struct QuadWeights {
  int block_size = 1;                // N: 1, 2, 4 or 8
  std::vector<int32_t> counts;       // [channels] blocks that start at each channel
  std::vector<int32_t> first_block;  // [channels] number of the first of them
  LaneNumbers groups;                // [blocks]
  std::vector<int8_t> values;        // [blocks, N, 4] and kQuadValuesBeyond zeros
  // Added to the sum of products of stored input and weights, for channels and 2 * kQuadChannels more:
  // the layer's bias - (zero point + flip) * sum of the channel's weights.
  std::vector<int32_t> bias;
  std::vector<float> scale;  // as many: input scale * weight scale / output scale; 0 beyond out_c

  size_t bytes() const;
};

// The sizes of dense weights [out_c, taps, in_c].
struct QuadSizes {
  int out_c = 0;
  int taps = 0;
  int in_c = 0;

  int in_quads() const { return (in_c + kQuad - 1) / kQuad; }
  int groups() const { return taps * in_quads(); }
  int channels() const { return (out_c + kQuadChannels - 1) / kQuadChannels * kQuadChannels; }
};

// Covers the non-zero weights with the fewest blocks of `block_size` channels: group by group, a
// block begins at the first channel with a non-zero weight that no block contains yet. One lane group
// is walked as one lane of format/cover.h; what is added to a group of zeros costs nothing.
// weights: [out_c, taps, in_c]; weight_scales: [out_c]; bias: [out_c], or null.
void PackQuads(const int8_t* weights, const float* weight_scales, const int32_t* bias,
               const QuadSizes& sizes, const QuadQuantization& quantization, int block_size,
               QuadWeights* packed);

// Sets bias and scales of `packed` from those of the layer and the sums of its weights, `sums`
// [out_c].
void SetQuadRequantization(const float* weight_scales, const int32_t* bias,
                           const std::vector<int64_t>& sums, const QuadQuantization& quantization,
                           QuadWeights* packed);

// Of a depthwise convolution: as QuadWeights has bias and scale.
struct QuadDepthwiseWeights {
  int channels = 0;             // a multiple of 4: those beyond the layer's have zeros
  std::vector<int8_t> weights;  // [taps, channels]
  std::vector<int32_t> bias;    // [channels]
  std::vector<float> scale;     // [channels]

  size_t bytes() const;
};

// weights: [taps, channels]; weight_scales: [channels]; bias: [channels], or null.
QuadDepthwiseWeights PackQuadDepthwise(const int8_t* weights, const float* weight_scales,
                                       const int32_t* bias, int taps, int channels,
                                       const QuadQuantization& quantization);

}  // namespace ubp

#endif  // UBP_DELEGATE_WEIGHTS_QUAD_WEIGHTS_H_
