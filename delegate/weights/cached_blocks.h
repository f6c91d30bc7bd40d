// SPDX-License-Identifier: Apache-2.0
// A layer's blocks in a weight cache.
//
// An entry has three sections (weight_cache.h), blocks sorted by (start channel, lane):
//
//   counts [out_channels] int32         blocks that start at each channel
//   lanes  [blocks] int32
//   values [blocks * block_size + kValuesBeyond] float32, rotated, zeros at the end
//
// Counts and lanes, which decide what memory kernels read, are copied and then checked, so that
// whoever writes into the file later changes results at most. Values are read where they are.
#ifndef UBP_DELEGATE_WEIGHTS_CACHED_BLOCKS_H_
#define UBP_DELEGATE_WEIGHTS_CACHED_BLOCKS_H_

#include <cstdint>
#include <vector>

#include "delegate/cache/weight_cache.h"
#include "delegate/weights/weights.h"

namespace ubp {

class CachedBlocks {
 public:
  // Of a layer whose slot has a cache; its weights are read if the slot has no fingerprint yet.
  CachedBlocks(const LayerWeights& layer, int block_size);

  // Sets counts and values, and the lane of each block; false, with nothing set, if the cache does not
  // have them.
  bool Find(KernelWeights* weights, std::vector<int32_t>* lanes) const;
  // Adds the blocks, whose values `weights` owns, and replaces these by those in the cache.
  void Add(const std::vector<int32_t>& lanes, KernelWeights* weights) const;

 private:
  bool Read(const CachedBytes& bytes, KernelWeights* weights, std::vector<int32_t>* lanes) const;

  WeightCache* cache_;
  WeightKey key_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_WEIGHTS_CACHED_BLOCKS_H_
