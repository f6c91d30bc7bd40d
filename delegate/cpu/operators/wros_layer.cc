// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/wros_layer.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace ubp {

WrosLayer::WrosLayer(std::shared_ptr<const KernelWeights> weights, int lanes, ActivationRange range,
                     const InstructionSet& isa)
    : range_(range),
      kernels_(isa.KernelsFor(weights->block_size)),
      num_lanes_(lanes),
      weights_(std::move(weights)),
      all_pixels_(kMaxTilePixels, ~0u) {}

Status WrosLayer::SetOffsets(const std::function<int64_t(int lane)>& lane_offset,
                             const ConvShape& shape) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max() / int64_t{sizeof(float)};
  std::vector<int64_t> offset_of_lane(num_lanes_);  // of most lanes there are several blocks
  for (int lane = 0; lane < num_lanes_; ++lane) offset_of_lane[lane] = lane_offset(lane);
  bool fits = true;
  offsets_.reserve(weights_->lanes.size() + kOffsetsBeyond);
  weights_->lanes.ForEach([&](int32_t lane) {
    const int64_t offset = offset_of_lane[lane];
    fits = fits && offset <= kMost;
    offsets_.push_back(static_cast<int32_t>(offset * static_cast<int64_t>(sizeof(float))));
  });
  if (!fits) {
    return Status::Error("an input of " + std::to_string(shape.in_h) + " x " +
                         std::to_string(shape.in_w) + " x " + std::to_string(shape.in_c) +
                         " is too large for this delegate: its padded planes exceed 2 GiB.");
  }
  offsets_.resize(offsets_.size() + kOffsetsBeyond, 0);
  return Status::Ok();
}

void WrosLayer::RunTile(const float* source, int vectors, int begin, int end,
                        const ChannelRows& rows) const {
  Run(kernels_.tile[vectors - 1], source, begin, end, rows);
}

void WrosLayer::RunPixel(const float* source, int begin, int end, float* output) const {
  Run(kernels_.pixel, source, begin, end, ChannelRows{output, 1});
}

void WrosLayer::Run(WrosKernel kernel, const float* source, int begin, int end,
                    const ChannelRows& rows) const {
  const int first_start = std::max(0, begin - weights_->block_size + 1);
  const int32_t first_block = weights_->first_block[first_start];
  WrosArgs args;
  args.input = source;
  args.output = rows.output;
  args.output_stride = rows.output_stride;
  args.residual = rows.residual;
  args.residual_stride = rows.residual_stride;
  args.mask = rows.mask != nullptr ? rows.mask : all_pixels_.data();
  args.counts = weights_->counts.data() + first_start;
  args.offsets = offsets_.data() + first_block;
  args.values = weights_->values + int64_t{first_block} * weights_->block_size;
  args.bias = weights_->bias.data() + begin;
  args.channel_begin = begin;
  args.channel_end = end;
  args.min = range_.min;
  args.max = range_.max;
  kernel(args);
}

int64_t InPlaceLaneOffset(const ConvShape& shape, const PlaneGeometry& input, int lane) {
  const int tap = lane / shape.in_c;
  const int y = tap / shape.kernel_w * shape.dilation_h - shape.pad_top;
  const int x = tap % shape.kernel_w * shape.dilation_w - shape.pad_left;
  return lane % shape.in_c * input.plane_stride + int64_t{y} * input.pitch + x;
}

}  // namespace ubp
