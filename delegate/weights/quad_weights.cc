// SPDX-License-Identifier: Apache-2.0
#include "delegate/weights/quad_weights.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace ubp {
namespace {

// The four weights of one channel in one group; zeros behind the last input channel.
void CopyQuad(const int8_t* weights, const QuadSizes& sizes, int channel, int group, int8_t* quad) {
  const int first = group % sizes.in_quads() * kQuad;
  const int tap = group / sizes.in_quads();
  const int64_t at = (int64_t{channel} * sizes.taps + tap) * sizes.in_c + first;
  const int count = std::min(kQuad, sizes.in_c - first);
  std::memset(quad, 0, kQuad);
  std::memcpy(quad, weights + at, static_cast<size_t>(count));
}

bool IsZero(const int8_t* quad) {
  return quad[0] == 0 && quad[1] == 0 && quad[2] == 0 && quad[3] == 0;
}

// What is added to the products with stored input. Sums wrap around as the kernels' do.
int32_t StoredBias(const int32_t* bias, int channel, int64_t sum, const QuadQuantization& q) {
  const int64_t own = bias != nullptr ? bias[channel] : 0;
  return static_cast<int32_t>(own - (q.input_zero_point + q.flip) * sum);
}

// In this order of operations: results are those of the default interpreter, bit for bit.
float Requantization(float weight_scale, const QuadQuantization& q) {
  return q.input_scale * weight_scale / q.output_scale;
}

}  // namespace

size_t QuadWeights::bytes() const {
  return sizeof(int32_t) * (counts.size() + first_block.size() + bias.size()) +
         sizeof(float) * scale.size() + values.size() + groups.bytes();
}

void SetQuadRequantization(const float* weight_scales, const int32_t* bias,
                           const std::vector<int64_t>& sums, const QuadQuantization& quantization,
                           QuadWeights* packed) {
  const int out_c = static_cast<int>(sums.size());
  packed->bias.assign(packed->counts.size() + 2 * kQuadChannels, 0);
  packed->scale.assign(packed->counts.size() + 2 * kQuadChannels, 0.0f);
  for (int c = 0; c < out_c; ++c) {
    packed->bias[c] = StoredBias(bias, c, sums[c], quantization);
    packed->scale[c] = Requantization(weight_scales[c], quantization);
  }
}

void PackQuads(const int8_t* weights, const float* weight_scales, const int32_t* bias,
               const QuadSizes& sizes, const QuadQuantization& quantization, int block_size,
               QuadWeights* packed) {
  packed->block_size = block_size;
  packed->counts.assign(sizes.channels(), 0);
  packed->values.clear();
  std::vector<int32_t> groups;
  std::vector<int> covered(sizes.groups(), 0);  // the channel at which the last block ends
  std::vector<int64_t> sums(sizes.out_c, 0);
  for (int c = 0; c < sizes.out_c; ++c) {
    for (int group = 0; group < sizes.groups(); ++group) {
      int8_t quad[kQuad];
      CopyQuad(weights, sizes, c, group, quad);
      if (IsZero(quad)) continue;
      sums[c] += quad[0] + quad[1] + quad[2] + quad[3];
      if (c < covered[group]) continue;
      covered[group] = c + block_size;
      ++packed->counts[c];
      groups.push_back(group);
      const size_t block = packed->values.size();
      packed->values.resize(block + kQuad * block_size, 0);
      for (int k = c; k < std::min(c + block_size, sizes.out_c); ++k) {
        CopyQuad(weights, sizes, k, group, &packed->values[block + kQuad * (k % block_size)]);
      }
    }
  }
  packed->values.resize(packed->values.size() + kQuadValuesBeyond, 0);
  packed->groups = LaneNumbers(std::move(groups), sizes.groups());
  packed->first_block.assign(packed->counts.size(), 0);
  std::partial_sum(packed->counts.begin(), packed->counts.end() - 1,
                   packed->first_block.begin() + 1);
  SetQuadRequantization(weight_scales, bias, sums, quantization, packed);
}

size_t QuadDepthwiseWeights::bytes() const {
  return weights.size() + sizeof(int32_t) * bias.size() + sizeof(float) * scale.size();
}

QuadDepthwiseWeights PackQuadDepthwise(const int8_t* weights, const float* weight_scales,
                                       const int32_t* bias, int taps, int channels,
                                       const QuadQuantization& quantization) {
  QuadDepthwiseWeights packed;
  packed.channels = (channels + kQuad - 1) / kQuad * kQuad;
  packed.weights.assign(int64_t{taps} * packed.channels, 0);
  packed.bias.assign(packed.channels, 0);
  packed.scale.assign(packed.channels, 0.0f);
  for (int c = 0; c < channels; ++c) {
    int64_t sum = 0;
    for (int t = 0; t < taps; ++t) {
      const int8_t weight = weights[int64_t{t} * channels + c];
      packed.weights[int64_t{t} * packed.channels + c] = weight;
      sum += weight;
    }
    packed.bias[c] = StoredBias(bias, c, sum, quantization);
    packed.scale[c] = Requantization(weight_scales[c], quantization);
  }
  return packed;
}

}  // namespace ubp
