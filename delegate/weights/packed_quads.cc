// SPDX-License-Identifier: Apache-2.0
#include "delegate/weights/packed_quads.h"

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace ubp {
namespace {

// Of each output channel.
std::vector<int64_t> SumsOf(const PackedLayer& layer, const std::vector<int8_t>& values) {
  const int n = layer.attributes().block_size;
  std::vector<int64_t> sums(layer.attributes().out_channels, 0);
  const int8_t* quad = values.data();
  for (size_t start = 0; start < layer.counts().size(); ++start) {
    const int first = static_cast<int>(start);
    for (int32_t block = 0; block < layer.counts()[start]; ++block) {
      for (int j = 0; j < n; ++j, quad += kQuad) {
        const int channel = first + (j - first % n + n) % n;
        sums[channel] += std::accumulate(quad, quad + kQuad, int64_t{0});
      }
    }
  }
  return sums;
}

}  // namespace

Status TakePackedQuads(const PackedLayer& layer, const QuadQuantization& quantization,
                       QuadWeights* weights) {
  const LayerAttributes& attributes = layer.attributes();
  const QuadSizes sizes = {attributes.out_channels, attributes.lanes() / attributes.in_channels,
                           attributes.in_channels};
  std::vector<int32_t> groups;
  UBP_RETURN_IF_ERROR(layer.DecodeLanes(&groups));
  weights->block_size = attributes.block_size;
  weights->counts = layer.counts();
  weights->counts.resize(sizes.channels(), 0);
  weights->first_block.assign(weights->counts.size(), 0);
  std::partial_sum(weights->counts.begin(), weights->counts.end() - 1,
                   weights->first_block.begin() + 1);
  weights->groups = LaneNumbers(std::move(groups), sizes.groups());
  weights->values = layer.DecodeInt8Values();
  const std::vector<int64_t> sums = SumsOf(layer, weights->values);
  weights->values.resize(weights->values.size() + kQuadValuesBeyond, 0);
  SetQuadRequantization(layer.scales().data(), layer.int32_bias(), sums, quantization, weights);
  return Status::Ok();
}

}  // namespace ubp
