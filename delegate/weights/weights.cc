// SPDX-License-Identifier: Apache-2.0
#include "delegate/weights/weights.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "delegate/format/cover.h"
#include "delegate/weights/cached_blocks.h"

namespace ubp {
namespace {

struct Block {
  int32_t start;
  int32_t lane;
  const float* values;  // [block_size], rotated
};

// Cuts blocks of `from` channels into blocks of `to`, and sorts them by (start, lane). Blocks of
// equal start and lane (see "overlap" in the format) keep their order.
std::vector<Block> CutBlocks(const std::vector<int32_t>& counts, const std::vector<int32_t>& lanes,
                             const float* values, int from, int to) {
  std::vector<Block> pieces;
  pieces.reserve(lanes.size() * (from / to));
  size_t block = 0;
  for (size_t start = 0; start < counts.size(); ++start) {
    for (int32_t i = 0; i < counts[start]; ++i, ++block) {
      for (int piece = 0; piece < from; piece += to) {
        pieces.push_back(
            {static_cast<int32_t>(start) + piece, lanes[block], values + block * from});
      }
    }
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const Block& a, const Block& b) {
    return a.start != b.start ? a.start < b.start : a.lane < b.lane;
  });
  return pieces;
}

void SetCutBlocks(const std::vector<Block>& pieces, int from, int to, KernelWeights* weights,
                  std::vector<int32_t>* lanes) {
  std::fill(weights->counts.begin(), weights->counts.end(), 0);
  lanes->clear();
  std::vector<float> values;
  values.reserve(pieces.size() * to + kValuesBeyond);
  for (const Block& piece : pieces) {
    ++weights->counts[piece.start];
    lanes->push_back(piece.lane);
    // Position j holds the channel c of the piece with c mod `to` == j; the whole block has it at c
    // mod `from`.
    for (int j = 0; j < to; ++j) {
      const int channel = piece.start + (j - piece.start % to + to) % to;
      values.push_back(piece.values[channel % from]);
    }
  }
  values.resize(values.size() + kValuesBeyond, 0.0f);
  weights->owned_values = std::move(values);
  weights->values = weights->owned_values.data();
}

// Covers the channels [begin, begin + channels).
void CoverGroup(const LayerAttributes& attributes, const float* dense, int begin, int channels,
                KernelWeights* weights, std::vector<int32_t>* lane_of_block) {
  const int n = weights->block_size;
  const int64_t lanes = attributes.lanes();
  const Cover cover = CoverLanes(dense + begin * lanes, channels, lanes, n);
  std::copy(cover.counts.begin(), cover.counts.end(), weights->counts.begin() + begin);
  lane_of_block->insert(lane_of_block->end(), cover.lanes.begin(), cover.lanes.end());
  std::vector<float>& values = weights->owned_values;
  const int32_t* lane = cover.lanes.data();
  for (int start = 0; start < channels; ++start) {
    for (int32_t i = 0; i < cover.counts[start]; ++i, ++lane) {
      const int first = begin + (start == channels - n ? cover.begun_at[i] : start);
      const size_t block = values.size();
      values.resize(block + n);
      for (int c = begin + start; c < begin + start + n; ++c) {
        values[block + (c & (n - 1))] = c < first ? 0.0f : dense[c * lanes + *lane];
      }
    }
  }
}

void CoverDense(const LayerAttributes& attributes, const DenseWeights& dense,
                KernelWeights* weights, std::vector<int32_t>* lane_of_block) {
  const int channels = attributes.out_channels / dense.groups;
  weights->owned_values.clear();
  lane_of_block->clear();
  for (int group = 0; group < dense.groups; ++group) {
    CoverGroup(attributes, dense.weights, group * channels, channels, weights, lane_of_block);
  }
  weights->owned_values.resize(weights->owned_values.size() + kValuesBeyond, 0.0f);
  weights->values = weights->owned_values.data();
}

// Makes `size` blocks of one lane of each that has so many, in the order of their values in
// PackedLayer::DecodeValues, which is that of (start, lane).
void SplitGroups(int size, std::vector<int32_t>* counts, std::vector<int32_t>* lanes) {
  for (int32_t& count : *counts) count *= size;
  std::vector<int32_t> split;
  split.reserve(lanes->size() * size);
  for (const int32_t group : *lanes) {
    for (int lane = 0; lane < size; ++lane) split.push_back(group * size + lane);
  }
  *lanes = std::move(split);
}

Status TakePacked(const PackedLayer& layer, KernelWeights* weights, std::vector<int32_t>* lanes) {
  const int from = layer.attributes().block_size;
  UBP_RETURN_IF_ERROR(layer.DecodeLanes(lanes));
  std::copy(layer.counts().begin(), layer.counts().end(), weights->counts.begin());
  if (layer.attributes().block_lanes > 1) {
    SplitGroups(layer.attributes().block_lanes, &weights->counts, lanes);
  }
  // In place they are followed by a byte for each block at least.
  const bool readable_beyond = lanes->size() >= kValuesBeyond * sizeof(float);
  weights->values = readable_beyond ? layer.values_in_place() : nullptr;
  if (weights->values == nullptr) {
    weights->owned_values = layer.DecodeValues(kValuesBeyond);
    weights->values = weights->owned_values.data();
  }
  if (weights->block_size == from) return Status::Ok();
  const std::vector<Block> pieces =
      CutBlocks(weights->counts, *lanes, weights->values, from, weights->block_size);
  SetCutBlocks(pieces, from, weights->block_size, weights, lanes);
  return Status::Ok();
}

// All but the lanes' final form, the numbers of first blocks and the bias.
Status SetBlocks(const LayerWeights& layer, KernelWeights* weights, std::vector<int32_t>* lanes) {
  weights->counts.resize(layer.attributes.out_channels, 0);
  if (layer.dense.weights == nullptr) return TakePacked(layer.packed, weights, lanes);
  CoverDense(layer.attributes, layer.dense, weights, lanes);
  return Status::Ok();
}

// Whether only lanes are made from the model's bytes: a byte for most there, four in a cache.
bool IsUsedInPlace(const LayerWeights& layer, int block_size) {
  return layer.dense.weights == nullptr && layer.attributes.block_size == block_size &&
         layer.packed.values_in_place() != nullptr;
}

}  // namespace

void KernelWeights::SetCached(const std::shared_ptr<const uint8_t>& entry, size_t offset,
                              size_t count) {
  cached_values = {entry, reinterpret_cast<const float*>(entry.get() + offset)};
  num_cached_values = count;
  values = cached_values.get();
  owned_values = {};
}

size_t KernelWeights::bytes_but_lanes() const {
  return sizeof(float) * (owned_values.size() + num_cached_values + bias.size()) +
         sizeof(int32_t) * (counts.size() + first_block.size());
}

Status MakeKernelWeights(const LayerWeights& layer, int block_size, KernelWeights* weights) {
  const int channels = layer.attributes.out_channels;
  std::vector<int32_t> lanes;
  weights->block_size = block_size;
  if (layer.slot.cache == nullptr || IsUsedInPlace(layer, block_size)) {
    UBP_RETURN_IF_ERROR(SetBlocks(layer, weights, &lanes));
  } else {
    const CachedBlocks cached(layer, block_size);
    if (!cached.Find(weights, &lanes)) {
      UBP_RETURN_IF_ERROR(SetBlocks(layer, weights, &lanes));
      cached.Add(lanes, weights);
    }
  }
  weights->lanes = LaneNumbers(std::move(lanes), layer.attributes.lanes());
  weights->first_block.resize(channels, 0);
  std::partial_sum(weights->counts.begin(), weights->counts.end() - 1,
                   weights->first_block.begin() + 1);
  weights->bias.resize(channels + 2 * block_size, 0.0f);
  if (layer.bias() != nullptr) std::copy_n(layer.bias(), channels, weights->bias.begin());
  return Status::Ok();
}

}  // namespace ubp
