// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/block_choice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#include "delegate/format/constants.h"
#include "delegate/format/cover.h"
#include "delegate/format/quad_cover.h"

namespace ubp {
namespace {

using constants::kMinSpeedup;  // the converter's default
// A cover predicted at this share of the fastest one's speed will do, if it is smaller.
using constants::kNearlyFastest;
// Even without padding and transposes, blocks of 8 are kMinSpeedup times as fast as dense only from
// 1 - 8 / 9.5 / 1.1 = 23% zeros on; a sample may show much less by chance.
constexpr double kMinSampledZeros = 0.07;

bool IsSingle(const LayerAttributes& attributes, const LayerPixels& pixels) {
  return attributes.lanes() == attributes.in_channels && pixels.out == 1.0;
}

double CostOfBlocks(const BlockCosts& costs, const LayerAttributes& attributes,
                    const LayerPixels& pixels, double blocks, size_t size) {
  if (IsSingle(attributes, pixels)) return blocks * costs.single[size];
  return std::ceil(pixels.out / costs.tile) * costs.tile * blocks * costs.block[size];
}

// What the layer costs without leaving anything out.
double DenseCost(const BlockCosts& costs, const LayerWeights& layer, const LayerPixels& pixels) {
  const LayerAttributes& attributes = layer.attributes;
  return pixels.out * attributes.lanes() * attributes.out_channels * layer.dense.share *
         costs.dense;
}

double PredictSpeedup(const BlockCosts& costs, const LayerWeights& layer, const LayerPixels& pixels,
                      double blocks, size_t size) {
  const LayerAttributes& attributes = layer.attributes;
  const double channels = attributes.out_channels;
  const double dense = DenseCost(costs, layer, pixels);
  const double cost = CostOfBlocks(costs, attributes, pixels, blocks, size);
  if (IsSingle(attributes, pixels)) {
    const double activations = attributes.lanes() + channels;
    return (dense + activations) / (cost + activations);
  }
  const double transposed = pixels.in * attributes.in_channels + pixels.out * channels;
  return dense / (cost + costs.transpose * transposed);
}

// Of what covers a layer's non-zeros. A block of N channels has 4 N bytes of weights: N floats, or
// four int8 for each channel.
struct Covers {
  std::array<int64_t, kBlockSizes.size()> blocks{};  // of size kBlockSizes[i]
  size_t sizes = 0;                                  // those that may be chosen, the smallest ones
};

// False where a sample of the weights shows hardly any zeros.
bool CoverFloats(const LayerWeights& layer, CacheSlot* slot, Covers* covers, double* zeros) {
  const DenseWeights& dense = layer.dense;
  const int channels = layer.attributes.out_channels;
  const int64_t lanes = layer.attributes.lanes();
  if (SampleZeros(dense.weights, channels, lanes) < kMinSampledZeros) return false;
  const CoverCounts counts = CountCover(dense.weights, channels, lanes, slot, dense.groups);
  const double weights = static_cast<double>(channels * lanes) * dense.share;
  *zeros = 1.0 - static_cast<double>(counts.nonzeros()) / weights;
  covers->blocks = counts.blocks;
  const int largest = channels / dense.groups;
  while (covers->sizes < kBlockSizes.size() && kBlockSizes[covers->sizes] <= largest) {
    ++covers->sizes;
  }
  return true;
}

// Likewise.
bool CoverInt8(const LayerWeights& layer, Covers* covers, double* zeros) {
  const LayerAttributes& attributes = layer.attributes;
  const int8_t* const weights = layer.int8.weights;
  const int64_t count = int64_t{attributes.out_channels} * attributes.lanes();
  if (SampleZeros(weights, count) < kMinSampledZeros) return false;
  const QuadCoverCounts counts =
      CountQuadCover(weights, attributes.out_channels, attributes.lanes() / attributes.in_channels,
                     attributes.in_channels);
  const double present = static_cast<double>(count) * layer.dense.share;
  *zeros = 1.0 - static_cast<double>(count - counts.zeros) / present;
  static_assert(kQuadBlockSizes[3] == kBlockSizes[3], "the sizes are the smallest ones");
  std::copy(counts.blocks.begin(), counts.blocks.end(), covers->blocks.begin());
  covers->sizes = counts.blocks.size();
  return true;
}

}  // namespace

BlockChoice ChooseBlocks(const BlockCosts& costs, const LayerWeights& layer,
                         const LayerPixels& pixels, CacheSlot* slot) {
  const LayerAttributes& attributes = layer.attributes;
  BlockChoice choice;
  Covers counts;
  const bool covered = layer.int8.weights != nullptr
                           ? CoverInt8(layer, &counts, &choice.zeros)
                           : CoverFloats(layer, slot, &counts, &choice.zeros);
  if (!covered) return choice;
  std::array<double, kBlockSizes.size()> speedups{};
  double fastest = 0.0;
  for (size_t i = 0; i < counts.sizes; ++i) {
    speedups[i] = PredictSpeedup(costs, layer, pixels, static_cast<double>(counts.blocks[i]), i);
    fastest = std::max(fastest, speedups[i]);
  }
  int64_t fewest_bytes = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < counts.sizes; ++i) {
    const int64_t bytes =
        counts.blocks[i] * (4 * kBlockSizes[i] + 1);  // as stored by the converter
    if (speedups[i] < kNearlyFastest * fastest || bytes >= fewest_bytes) continue;
    fewest_bytes = bytes;
    choice.block_size = kBlockSizes[i];
    choice.cost = CostOfBlocks(costs, attributes, pixels, static_cast<double>(counts.blocks[i]), i);
    choice.speedup = speedups[i];
  }
  choice.pays = choice.speedup >= kMinSpeedup;
  choice.gains =
      choice.block_size > 0 && DenseCost(costs, layer, pixels) >= kMinSpeedup * choice.cost;
  return choice;
}

std::string DescribeBlocks(const BlockChoice& choice) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.0f%% zeros, covered by blocks of %d", 100.0 * choice.zeros,
                choice.block_size);
  return text;
}

std::string Describe(const BlockChoice& choice) {
  if (choice.pays) return DescribeBlocks(choice);
  char text[128];
  std::snprintf(text, sizeof(text),
                "%.0f%% zeros, for which blocks of %d have a predicted speed-up of %.2fx, below "
                "%gx",
                100.0 * choice.zeros, choice.block_size, choice.speedup, kMinSpeedup);
  return text;
}

}  // namespace ubp
