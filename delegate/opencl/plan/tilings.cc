// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/tilings.h"

#include <algorithm>

namespace ubp::opencl {
namespace {

constexpr int kTiles[] = {16, 64};
constexpr int kMostRanges = 64;

// Pixels of an item whose sums stay in registers.
bool Fits(const DeviceShape& device, int tile, int channels, int pixels) {
  return tile <= device.max_work_group_size &&
         (pixels == 1 || channels * pixels <= device.max_accumulators);
}

// Adds a tiling, unless it is the guess, which is there already.
void Add(const SparseTiling& tiling, std::vector<SparseTiling>* tilings) {
  const SparseTiling& guess = tilings->front();
  if (tiling.tile == guess.tile && tiling.pixels_per_item == guess.pixels_per_item &&
      tiling.ranges == guess.ranges) {
    return;
  }
  tilings->push_back(tiling);
}

void Add(const DenseTiling& tiling, std::vector<DenseTiling>* tilings) {
  const DenseTiling& guess = tilings->front();
  if (tiling.tile == guess.tile && tiling.pixels_per_item == guess.pixels_per_item) return;
  tilings->push_back(tiling);
}

}  // namespace

std::vector<SparseTiling> SparseTilings(const DeviceShape& device, const SparseTiling& guess,
                                        int out_channels, int block_size) {
  std::vector<SparseTiling> tilings = {guess};
  const int most = std::clamp((out_channels + block_size - 1) / block_size, 1, kMostRanges);
  for (const int tile : kTiles) {
    for (const int pixels : {1, 2, 4}) {
      if (!Fits(device, tile, block_size, pixels)) continue;
      for (int ranges = 1; ranges <= most; ranges *= 2) Add({tile, pixels, ranges}, &tilings);
    }
  }
  return tilings;
}

std::vector<DenseTiling> DenseTilings(const DeviceShape& device, const DenseTiling& guess,
                                      int channels_per_item) {
  std::vector<DenseTiling> tilings = {guess};
  for (const int tile : kTiles) {
    for (const int pixels : {1, 2, 4, 8}) {
      if (Fits(device, tile, channels_per_item, pixels)) Add({tile, pixels}, &tilings);
    }
  }
  return tilings;
}

}  // namespace ubp::opencl
