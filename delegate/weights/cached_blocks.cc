// SPDX-License-Identifier: Apache-2.0
#include "delegate/weights/cached_blocks.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "delegate/base/aligned_buffer.h"

namespace ubp {
namespace {

Fingerprint FingerprintOfLayer(const LayerWeights& layer) {
  if (layer.slot.fingerprint) return *layer.slot.fingerprint;
  if (layer.dense.weights != nullptr) {
    return FingerprintOfDense(layer.dense.weights, layer.attributes.out_channels,
                              layer.attributes.lanes());
  }
  // The attributes say what the bytes mean.
  return FingerprintOf(layer.packed.data(), layer.packed.size(), layer.attributes.attributes_crc);
}

// As kernels read them: KernelWeights::values.
uint64_t NumValues(uint64_t blocks, uint64_t block_size) {
  return blocks * block_size + kValuesBeyond;
}

// Where an entry's sections begin and end.
struct Sections {
  uint64_t lanes;
  uint64_t values;
  uint64_t end;

  Sections(uint64_t channels, uint64_t blocks, uint64_t block_size)
      : lanes(RoundUp(channels * sizeof(int32_t), kWeightFileAlignment)),
        values(lanes + RoundUp(blocks * sizeof(int32_t), kWeightFileAlignment)),
        end(values + RoundUp(NumValues(blocks, block_size) * sizeof(float), kWeightFileAlignment)) {
  }
};

// The sum of an entry's counts; -1 if they are not those of blocks of this size.
int64_t SumOfCounts(const std::vector<int32_t>& counts, int block_size) {
  const size_t starts = counts.size() - block_size + 1;
  int64_t sum = 0;
  for (size_t start = 0; start < counts.size(); ++start) {
    if (counts[start] < 0 || (start >= starts && counts[start] > 0)) return -1;
    sum += counts[start];
  }
  return sum <= std::numeric_limits<int32_t>::max() ? sum : -1;
}

template <typename T>
std::vector<T> Copy(const uint8_t* from, size_t count) {
  std::vector<T> copy(count);
  if (count > 0) std::memcpy(copy.data(), from, sizeof(T) * count);
  return copy;
}

}  // namespace

CachedBlocks::CachedBlocks(const LayerWeights& layer, int block_size)
    : cache_(layer.slot.cache),
      key_{FingerprintOfLayer(layer), layer.attributes.out_channels, layer.attributes.lanes(),
           static_cast<int32_t>(layer.dense.weights != nullptr ? CachedContent::kBlocksOfDense
                                                               : CachedContent::kBlocksOfPacked),
           block_size} {}

bool CachedBlocks::Find(KernelWeights* weights, std::vector<int32_t>* lanes) const {
  const CachedBytes bytes = cache_->Find(key_);
  if (bytes.data == nullptr) return false;
  if (Read(bytes, weights, lanes)) return true;
  cache_->Reject(key_);
  return false;
}

bool CachedBlocks::Read(const CachedBytes& bytes, KernelWeights* weights,
                        std::vector<int32_t>* lanes) const {
  const auto channels = static_cast<size_t>(key_.out_channels);
  const auto block_size = static_cast<size_t>(key_.block_size);
  const uint8_t* const data = bytes.data.get();
  if (bytes.size < Sections(channels, 0, block_size).end) return false;
  std::vector<int32_t> counts = Copy<int32_t>(data, channels);
  const int64_t blocks = SumOfCounts(counts, key_.block_size);
  if (blocks < 0) return false;
  const Sections sections(channels, static_cast<uint64_t>(blocks), block_size);
  if (bytes.size != sections.end) return false;
  *lanes = Copy<int32_t>(data + sections.lanes, static_cast<size_t>(blocks));
  const auto is_lane = [&](int32_t lane) { return lane >= 0 && lane < key_.lanes; };
  if (!std::all_of(lanes->begin(), lanes->end(), is_lane)) return false;
  weights->counts = std::move(counts);
  weights->SetCached(bytes.data, sections.values,
                     NumValues(static_cast<uint64_t>(blocks), block_size));
  return true;
}

void CachedBlocks::Add(const std::vector<int32_t>& lanes, KernelWeights* weights) const {
  const std::vector<float>& values = weights->owned_values;
  const CachedBytes bytes =
      cache_->Add(key_, {{weights->counts.data(), sizeof(int32_t) * weights->counts.size()},
                         {lanes.data(), sizeof(int32_t) * lanes.size()},
                         {values.data(), sizeof(float) * values.size()}});
  if (bytes.data == nullptr) return;
  const Sections sections(weights->counts.size(), lanes.size(), weights->block_size);
  weights->SetCached(bytes.data, sections.values, values.size());
}

}  // namespace ubp
