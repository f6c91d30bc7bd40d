// SPDX-License-Identifier: Apache-2.0
// One row runs through the pixel kernels. Several rows are the pixels of an image, which is brought
// into planes and back: there a block's weights serve all rows at once.

#include "delegate/cpu/operators/quad_pixel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/quad_planes.h"
#include "delegate/cpu/operators/tiling.h"

namespace ubp {
namespace {

// In elements.
size_t WholeLines(size_t bytes) { return RoundUp(bytes, kCacheLineBytes) / sizeof(float); }

// The rows of a pointwise layer as an image of one row.
ConvShape AsOneRow(const ConvShape& shape) {
  ConvShape row = shape;
  row.batch = row.in_h = row.out_h = 1;
  row.in_w = row.out_w = static_cast<int>(shape.out_pixels());
  return row;
}

void Flip(const uint8_t* from, int count, uint8_t flip, uint8_t* to) {
  for (int i = 0; i < count; ++i) to[i] = from[i] ^ flip;
}

}  // namespace

Status QuadPixelConvolution::Make(std::shared_ptr<const QuadWeights> weights,
                                  const ConvShape& shape, const QuadConvLayout& layout,
                                  const Int8Kernels& kernels, int threads,
                                  std::unique_ptr<QuadPixelConvolution>* convolution) {
  std::unique_ptr<QuadPixelConvolution> made(
      new QuadPixelConvolution(std::move(weights), shape, layout, kernels));
  if (made->rows_ == 1) {
    made->PreparePixel(threads);
  } else {
    UBP_RETURN_IF_ERROR(made->PrepareRows(AsOneRow(shape), threads));
  }
  *convolution = std::move(made);
  return Status::Ok();
}

QuadPixelConvolution::QuadPixelConvolution(std::shared_ptr<const QuadWeights> weights,
                                           const ConvShape& shape, const QuadConvLayout& layout,
                                           const Int8Kernels& kernels)
    : weights_(std::move(weights)),
      layout_(layout),
      requantization_(StoredRequantization(layout, weights_->scale, kernels)),
      kernels_(kernels),
      rows_(static_cast<int>(shape.out_pixels())) {
  input_.channels = shape.in_c;
  output_.channels = shape.out_c;
}

Status QuadPixelConvolution::PrepareRows(const ConvShape& shape, int threads) {
  UBP_RETURN_IF_ERROR(MakePlaneGeometry(1, rows_, Halo(), &input_.geometry));
  output_.geometry = input_.geometry;
  layout_.input = layout_.output = input_.geometry;
  return QuadConvolution::Make(weights_, shape, layout_, kernels_, threads, &convolution_);
}

void QuadPixelConvolution::PreparePixel(int threads) {
  bounds_ = DivideChannels(weights_->counts, kQuadChannels, threads);
  offsets_.reserve(weights_->groups.size() + kQuadOffsetsBeyond);
  weights_->groups.ForEach([&](int32_t group) { offsets_.push_back(kQuad * group); });
  offsets_.resize(offsets_.size() + kQuadOffsetsBeyond, 0);
}

size_t QuadPixelConvolution::scratch_floats() const {
  if (rows_ == 1) return WholeLines(input_.channels + kQuad) + WholeLines(weights_->counts.size());
  return RoundUp(input_.geometry.floats(QuadsOf(input_.channels)), kCacheLineBytes) +
         output_.geometry.floats(QuadsOf(output_.channels)) + convolution_->scratch_floats();
}

size_t QuadPixelConvolution::prepared_bytes() const {
  return sizeof(int32_t) * offsets_.size() + (convolution_ ? convolution_->prepared_bytes() : 0);
}

void QuadPixelConvolution::Run(const int8_t* input, int8_t* output, float* scratch,
                               ThreadPool* pool) const {
  if (rows_ == 0) return;
  if (rows_ == 1) {
    RunPixel(input, output, scratch, pool);
  } else {
    RunRows(input, output, scratch, pool);
  }
}

void QuadPixelConvolution::RunRows(const int8_t* input, int8_t* output, float* scratch,
                                   ThreadPool* pool) const {
  float* const in_planes = scratch;
  float* const out_planes =
      in_planes + RoundUp(input_.geometry.floats(QuadsOf(input_.channels)), kCacheLineBytes);
  float* const rest = out_planes + output_.geometry.floats(QuadsOf(output_.channels));
  ImageToQuads(input_, kernels_.flip, input, in_planes, pool);
  convolution_->Run(in_planes, out_planes, rest, pool);
  QuadsToImage(output_, kernels_.flip, out_planes, output, pool);
}

void QuadPixelConvolution::RunPixel(const int8_t* input, int8_t* output, float* scratch,
                                    ThreadPool* pool) const {
  auto* const stored = reinterpret_cast<uint8_t*>(scratch);
  auto* const result = reinterpret_cast<uint8_t*>(scratch + WholeLines(input_.channels + kQuad));
  std::memset(stored + input_.channels, 0,
              kQuad);  // the last group may have channels that are none
  Flip(reinterpret_cast<const uint8_t*>(input), input_.channels, kernels_.flip, stored);
  const QuadBlockKernels& kernels = kernels_.KernelsFor(weights_->block_size);
  pool->Run(static_cast<int>(bounds_.size()) - 1, [&](int range, int) {
    const int begin = bounds_[range];
    const int end = std::min(bounds_[range + 1], output_.channels);
    const int first_start = std::max(0, begin - weights_->block_size + 1);
    const int32_t first_block = weights_->first_block[first_start];
    QuadPixelArgs args;
    args.input = stored;
    args.output = result + begin;
    args.counts = weights_->counts.data() + first_start;
    args.offsets = offsets_.data() + first_block;
    args.values = weights_->values.data() + int64_t{kQuad} * weights_->block_size * first_block;
    args.bias = weights_->bias.data() + begin;
    args.scale = weights_->scale.data() + begin;
    args.channel_begin = begin;
    args.channel_end = end;
    args.requantization = requantization_;
    kernels.pixel(args);
    Flip(result + begin, end - begin, kernels_.flip, reinterpret_cast<uint8_t*>(output) + begin);
  });
}

}  // namespace ubp
