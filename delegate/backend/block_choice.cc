#include "delegate/backend/block_choice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#include "delegate/format/constants.h"
#include "delegate/format/cover.h"

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

// Multiply-adds that the layer takes without leaving anything out.
double DenseCost(const LayerWeights& layer, const LayerPixels& pixels) {
  const LayerAttributes& attributes = layer.attributes;
  return pixels.out * attributes.lanes() * attributes.out_channels * layer.dense.share;
}

double PredictSpeedup(const BlockCosts& costs, const LayerWeights& layer, const LayerPixels& pixels,
                      double blocks, size_t size) {
  const LayerAttributes& attributes = layer.attributes;
  const double channels = attributes.out_channels;
  const double dense = DenseCost(layer, pixels);
  const double cost = CostOfBlocks(costs, attributes, pixels, blocks, size);
  if (IsSingle(attributes, pixels)) {
    const double activations = attributes.lanes() + channels;
    return (dense + activations) / (cost + activations);
  }
  const double transposed = pixels.in * attributes.in_channels + pixels.out * channels;
  return dense / (cost + costs.transpose * transposed);
}

}  // namespace

BlockChoice ChooseBlocks(const BlockCosts& costs, const LayerWeights& layer,
                         const LayerPixels& pixels, CacheSlot* slot) {
  const LayerAttributes& attributes = layer.attributes;
  const DenseWeights& dense = layer.dense;
  const int channels = attributes.out_channels;
  const int64_t lanes = attributes.lanes();
  BlockChoice choice;
  if (SampleZeros(dense.weights, channels, lanes) < kMinSampledZeros) return choice;
  const CoverCounts counts = CountCover(dense.weights, channels, lanes, slot, dense.groups);
  const double weights = static_cast<double>(channels * lanes) * dense.share;
  choice.zeros = 1.0 - static_cast<double>(counts.nonzeros()) / weights;
  const int largest = channels / dense.groups;
  std::array<double, kBlockSizes.size()> speedups{};
  double fastest = 0.0;
  for (size_t i = 0; i < kBlockSizes.size() && kBlockSizes[i] <= largest; ++i) {
    speedups[i] = PredictSpeedup(costs, layer, pixels, static_cast<double>(counts.blocks[i]), i);
    fastest = std::max(fastest, speedups[i]);
  }
  int64_t fewest_bytes = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < kBlockSizes.size() && kBlockSizes[i] <= largest; ++i) {
    const int64_t bytes =
        counts.blocks[i] * (4 * kBlockSizes[i] + 1);  // as stored by the converter
    if (speedups[i] < kNearlyFastest * fastest || bytes >= fewest_bytes) continue;
    fewest_bytes = bytes;
    choice.block_size = kBlockSizes[i];
    choice.cost = CostOfBlocks(costs, attributes, pixels, static_cast<double>(counts.blocks[i]), i);
    choice.speedup = speedups[i];
  }
  choice.pays = choice.speedup >= kMinSpeedup;
  choice.gains = choice.block_size > 0 && DenseCost(layer, pixels) >= kMinSpeedup * choice.cost;
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
