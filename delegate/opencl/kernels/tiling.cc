// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/kernels/tiling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace ubp::opencl {
namespace {

// Instructions of a compute unit's items that take as long as a lane's loads keep an item waiting: an
// estimate from a unit that issues 128 a cycle, and loads of 200 cycles of which four overlap.
constexpr double kWait = 6400.0;
constexpr int kTile = 64;
constexpr int kSmallTile = 16;  // as many items as Mali runs together
constexpr int kMostFewRows = 8;
// Groups of a compute unit that keep it busy.
constexpr int64_t kGroupsPerUnit = 8;
constexpr int kMostChannelsPerGroup = 4;

int TileFor(const DeviceShape& device, int64_t pixels) {
  return pixels <= kSmallTile || device.max_work_group_size < kTile ? kSmallTile : kTile;
}

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Instructions for one lane and what it is multiplied with: multiply-adds, loads of pixels with their
// addresses, and of weights and offset.
double LaneCost(int channels, int pixels) { return channels * pixels + 1.5 * pixels + 3.0; }

// What a lane costs the compute unit that has the most groups of `tile` items.
double TimeOf(const DeviceShape& device, int64_t groups, int tile, double lane_cost) {
  const int64_t of_unit = DivideUp(groups, std::max(1, device.compute_units));
  // The larger of both, but for where they are about equal.
  const double work = static_cast<double>(of_unit * tile) * lane_cost;
  return std::sqrt(kWait * kWait + work * work);
}

}  // namespace

DeviceShape ShapeOf(const Device& device) {
  DeviceShape shape;
  shape.compute_units = std::max(1, static_cast<int>(device.compute_units));
  shape.max_work_group_size = static_cast<int>(
      std::min<size_t>(device.max_work_group_size, std::numeric_limits<int>::max()));
  shape.max_accumulators = device.quirks.max_accumulators;
  return shape;
}

SparseTiling ChooseSparseTiling(const DeviceShape& device, int64_t pixels, int out_channels,
                                int64_t blocks, int block_size) {
  SparseTiling best;
  best.tile = TileFor(device, pixels);
  double least = -1.0;
  const int64_t most_ranges = std::max<int64_t>(1, DivideUp(out_channels, block_size));
  // A range takes up the blocks of the block_size - 1 start channels in front of it again.
  const double before = static_cast<double>(blocks) * (block_size - 1) / std::max(1, out_channels);
  for (const int v : {4, 2, 1}) {
    if (v > 1 && block_size * v > device.max_accumulators) continue;
    const int64_t tiles = DivideUp(pixels, int64_t{best.tile} * v);
    for (int64_t ranges = 1; ranges <= most_ranges; ranges *= 2) {
      const double lanes =
          static_cast<double>(blocks) / static_cast<double>(ranges) + (ranges > 1 ? before : 0.0);
      const double stores = static_cast<double>(DivideUp(out_channels, ranges)) / block_size;
      const double time = TimeOf(device, tiles * ranges, best.tile, LaneCost(block_size, v));
      const double cost = (lanes + stores) * time;
      if (least >= 0.0 && cost >= least) continue;
      least = cost;
      best.pixels_per_item = v;
      best.ranges = static_cast<int>(ranges);
    }
  }
  return best;
}

int ChooseDenseChannels(const DeviceShape& device, int out_channels, bool fully_connected) {
  if (out_channels <= 4) return 4;
  if (fully_connected || out_channels < 32) return 8;
  return device.max_accumulators >= 64 ? 16 : 8;
}

DenseTiling ChooseDenseTiling(const DeviceShape& device, int64_t pixels, int out_channels,
                              int channels_per_item) {
  DenseTiling best;
  best.tile = TileFor(device, pixels);
  const int64_t groups = DivideUp(out_channels, channels_per_item);
  double least = -1.0;
  for (const int v : {8, 4, 2, 1}) {
    if (v > 1 && channels_per_item * v > device.max_accumulators) continue;
    const int64_t tiles = DivideUp(pixels, int64_t{best.tile} * v);
    const double cost = TimeOf(device, tiles * groups, best.tile, LaneCost(channels_per_item, v));
    if (least >= 0.0 && cost >= least) continue;
    least = cost;
    best.pixels_per_item = v;
  }
  return best;
}

DepthwiseTiling ChooseDepthwiseTiling(const DeviceShape& device, int64_t pixels, int channels,
                                      int kernel) {
  // More would not stay in registers: all taps of all pixels are read at once.
  const int most = kernel <= 3 && device.max_accumulators >= 64 ? 4 : 2;
  const int64_t busy = kGroupsPerUnit * std::max(1, device.compute_units);
  DepthwiseTiling best;
  for (const int v : {2, 4}) {
    if (v <= most && DivideUp(pixels, int64_t{kTile} * v) * channels >= busy) {
      best.pixels_per_item = v;
    }
  }
  const int64_t groups = DivideUp(pixels, int64_t{kTile} * best.pixels_per_item) * channels;
  best.channels_per_group =
      static_cast<int>(std::clamp<int64_t>(groups / busy, 1, kMostChannelsPerGroup));
  return best;
}

bool FewRows(int rows) { return rows <= kMostFewRows; }

}  // namespace ubp::opencl
