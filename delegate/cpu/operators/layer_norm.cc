// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/layer_norm.h"

#include <algorithm>

#include "delegate/base/aligned_buffer.h"

namespace ubp {
namespace {

constexpr int64_t kValuesPerJob = 16384;
constexpr int64_t kFloatsPerLine = kCacheLineBytes / sizeof(float);

// A number for each channel.
std::vector<float> PerChannel(const std::vector<float>& numbers, int channels) {
  return numbers.size() == 1 ? std::vector<float>(channels, numbers[0]) : numbers;
}

// Whole tiles of any kernel, if there are several jobs.
int64_t PixelsPerJob(int channels) {
  constexpr int64_t kTile = 4 * kFloatsPerLine;
  return std::max(kTile, kValuesPerJob / channels / kTile * kTile);
}

}  // namespace

LayerNorm::LayerNorm(const LayerNormOp& op, int channels, ActivationRange range)
    : numbers_{PerChannel(op.channels.scale, channels), PerChannel(op.channels.offset, channels)} {
  args_.channels = channels;
  args_.epsilon = op.epsilon;
  args_.min = range.min;
  args_.max = range.max;
}

LayerNorm::LayerNorm(const LayerNormOp& op, const PlaneTensor& tensor, ActivationRange range,
                     const InstructionSet& isa)
    : LayerNorm(op, tensor.channels, range) {
  const PlaneGeometry& geometry = tensor.geometry;
  kernel_ = isa.normalize_planes;
  args_.stride = geometry.plane_stride;
  lead_ = geometry.lead;
  image_stride_ = geometry.plane_stride * tensor.channels;
  pixel_stride_ = 1;
  images_ = tensor.batch;
  pixels_ = RoundUp(geometry.flat_pixels(), kFloatsPerLine);
  mask_ = geometry.mask;
}

LayerNorm::LayerNorm(const LayerNormOp& op, const Dims& dims, ActivationRange range,
                     const InstructionSet& isa)
    : LayerNorm(op, dims.back(), range) {
  kernel_ = isa.normalize_rows;
  pixel_stride_ = dims.back();
  pixels_ = ElementsOf(dims) / dims.back();
}

void LayerNorm::Run(const float* input, float* output, ThreadPool* pool) const {
  const int64_t per_job = PixelsPerJob(args_.channels);
  const int jobs = static_cast<int>((pixels_ + per_job - 1) / per_job);
  pool->Run(images_ * jobs, [&](int job, int) {
    const int64_t begin = job % jobs * per_job;
    const int64_t first = lead_ + job / jobs * image_stride_ + begin * pixel_stride_;
    NormalizeArgs args = args_;
    args.input = input + first;
    args.output = output + first;
    args.count = std::min(per_job, pixels_ - begin);
    args.scale = numbers_.scale.data();
    args.offset = numbers_.offset.data();
    if (mask_ != nullptr) args.mask = mask_->data() + begin;
    kernel_(args);
  });
}

}  // namespace ubp
