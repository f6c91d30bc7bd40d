#include "delegate/cpu/operators/wros_layer.h"

#include <algorithm>
#include <limits>
#include <string>

namespace ubp {
namespace {

// Blocks of the layer, or those that a dense layer is cut into: of any size up to its channels.
int BlockSizeOf(const LayerWeights& layer, const KernelFamily& family) {
  if (layer.dense.weights == nullptr) return layer.attributes.block_size;
  if (layer.dense.block_size > 0) return layer.dense.block_size;
  int block_size = family.dense_block_size;
  while (block_size > layer.attributes.out_channels) block_size /= 2;
  return block_size;
}

}  // namespace

WrosLayer::WrosLayer(const LayerWeights& layer, const KernelFamily& family)
    : range_(RangeOf(layer.attributes.activation)),
      kernels_(family.KernelsFor(BlockSizeOf(layer, family))),
      num_lanes_(layer.attributes.lanes()),
      weights_status_(MakeKernelWeights(layer, kernels_.block_size, &weights_)),
      all_pixels_(kMaxTilePixels, ~0u) {}

Status WrosLayer::SetOffsets(const std::function<int64_t(int lane)>& lane_offset,
                             const ConvShape& shape) {
  UBP_RETURN_IF_ERROR(weights_status_);
  std::vector<int64_t> offset_of_lane(num_lanes_);  // of most lanes there are several blocks
  for (int lane = 0; lane < num_lanes_; ++lane) offset_of_lane[lane] = lane_offset(lane);
  offsets_.reserve(weights_.lanes.size() + kOffsetsBeyond);
  for (const int32_t lane : weights_.lanes) {
    const int64_t bytes = offset_of_lane[lane] * static_cast<int64_t>(sizeof(float));
    if (bytes > std::numeric_limits<int32_t>::max()) {
      return Status::Error("an input of " + std::to_string(shape.in_h) + " x " +
                           std::to_string(shape.in_w) + " x " + std::to_string(shape.in_c) +
                           " is too large for this delegate: its padded planes exceed 2 GiB.");
    }
    offsets_.push_back(static_cast<int32_t>(bytes));
  }
  offsets_.resize(offsets_.size() + kOffsetsBeyond, 0);
  weights_.lanes = {};
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
  const int first_start = std::max(0, begin - weights_.block_size + 1);
  const int32_t first_block = weights_.first_block[first_start];
  WrosArgs args;
  args.input = source;
  args.output = rows.output;
  args.output_stride = rows.output_stride;
  args.residual = rows.residual;
  args.residual_stride = rows.residual_stride;
  args.mask = rows.mask != nullptr ? rows.mask : all_pixels_.data();
  args.counts = weights_.counts.data() + first_start;
  args.offsets = offsets_.data() + first_block;
  args.values = weights_.values + int64_t{first_block} * weights_.block_size;
  args.bias = weights_.bias.data() + begin;
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
