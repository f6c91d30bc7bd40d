// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_resize.h"

#include <algorithm>
#include <cmath>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/multiply_add.h"
#include "delegate/cpu/operators/quad_layout.h"

namespace ubp {
namespace {

constexpr int64_t kPixelsPerJob = 4096;
constexpr int kOne = 1 << kBlendBits;

int VectorsOf(int pixels, const Int8Kernels& kernels) {
  return (pixels + kernels.vector_width - 1) / kernels.vector_width;
}

}  // namespace

BlendedAxis BlendAxis(const ResizeOp& resize, int in_size, int out_size) {
  const int corner = resize.align_corners && out_size > 1 ? 1 : 0;
  const float scale = static_cast<float>(in_size - corner) / static_cast<float>(out_size - corner);
  const float offset = resize.half_pixel_centers ? 0.5f * scale - 0.5f : 0.0f;
  BlendedAxis axis;
  for (int i = 0; i < out_size; ++i) {
    const float place = std::clamp(MultiplyAdd(static_cast<float>(i), scale, offset), 0.0f,
                                   static_cast<float>(in_size - 1));
    const int lower = static_cast<int>(place);
    const float share = place - static_cast<float>(lower);
    axis.lower.push_back(lower);
    axis.upper.push_back(std::min(lower + 1, in_size - 1));
    axis.share.push_back(static_cast<int32_t>(std::lrint(share * static_cast<float>(kOne))));
  }
  return axis;
}

QuadResize::QuadResize(const ResizeOp& resize, const PlaneTensor& input,
                       const PlaneGeometry& output, int zero_point, const Int8Kernels& kernels,
                       int threads)
    : input_(input),
      output_(output),
      kernels_(kernels),
      threads_(threads),
      rows_(BlendAxis(resize, input.geometry.height, output.height)) {
  SetColumns(BlendAxis(resize, input.geometry.width, output.width));
  args_.input_vectors = VectorsOf(input_.geometry.width, kernels_);
  args_.vectors = VectorsOf(output_.width, kernels_);
  args_.junk = StoredQuad(zero_point, kernels_);
}

// Pixels beyond the row blend the first one with itself.
void QuadResize::SetColumns(const BlendedAxis& columns) {
  const int width = kernels_.vector_width;
  const auto pixels = static_cast<size_t>(VectorsOf(output_.width, kernels_)) * width;
  lower_.assign(pixels, 0);
  upper_.assign(pixels, 0);
  shares_.assign(pixels * kQuad, 0);
  rests_.assign(pixels * kQuad, kOne);
  for (int x = 0; x < output_.width; ++x) {
    lower_[x] = QuadBlendPlace(columns.lower[x], width);
    upper_[x] = QuadBlendPlace(columns.upper[x], width);
    const int place = QuadBlendPlace(x, width);
    std::fill_n(shares_.begin() + place, kQuad, columns.share[x]);
    std::fill_n(rests_.begin() + place, kQuad, kOne - columns.share[x]);
  }
}

size_t QuadResize::blended_floats() const {
  const size_t pixels = static_cast<size_t>(args_.input_vectors) * kernels_.vector_width;
  return RoundUp(pixels * kQuad, kCacheLineBytes / sizeof(float));
}

size_t QuadResize::prepared_bytes() const {
  const size_t columns = lower_.size() + upper_.size() + rests_.size() + shares_.size();
  return sizeof(int32_t) * (columns + 3 * rows_.lower.size());
}

void QuadResize::Run(const float* input, float* output, float* scratch, ThreadPool* pool) const {
  const int planes = input_.batch * input_.channels;
  const auto per_job =
      static_cast<int>(std::max<int64_t>(1, kPixelsPerJob / std::max(1, output_.flat_pixels())));
  pool->Run((planes + per_job - 1) / per_job, [&](int job, int thread) {
    const int end = std::min(planes, (job + 1) * per_job);
    for (int plane = job * per_job; plane < end; ++plane) {
      RunPlane(input + plane * input_.geometry.plane_stride + input_.geometry.lead,
               output + plane * output_.plane_stride + output_.lead,
               scratch + thread * blended_floats());
    }
  });
}

void QuadResize::RunPlane(const float* input, float* output, float* blended) const {
  QuadResizeArgs args = args_;
  args.blended = reinterpret_cast<int32_t*>(blended);
  args.lower = lower_.data();
  args.upper = upper_.data();
  args.rests = rests_.data();
  args.shares = shares_.data();
  const auto row_of = [&](int y) {
    return reinterpret_cast<const uint8_t*>(input + int64_t{y} * input_.geometry.pitch);
  };
  for (int y = 0; y < output_.height; ++y) {
    args.above = row_of(rows_.lower[y]);
    args.below = row_of(rows_.upper[y]);
    args.share = rows_.share[y];
    args.output = reinterpret_cast<uint8_t*>(output + int64_t{y} * output_.pitch);
    args.mask = output_.mask->data() + int64_t{y} * output_.pitch;
    kernels_.resize(args);
  }
}

}  // namespace ubp
