// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_pool.h"

#include <algorithm>
#include <cmath>

#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/multiply_add.h"

namespace ubp {
namespace {

// Enough for threads to share the work evenly, few enough for a job to be worth its hand-over.
constexpr int kJobsPerThread = 8;
constexpr int kLeast = -128;
// Of kernels: pixels between what two neighbours read.
constexpr int kMostStride = 2;
constexpr int kQuadsPerMean = 16;

ConvShape WithChannels(ConvShape shape, int channels) {
  shape.in_c = shape.out_c = channels;
  return shape;
}

// How many of `size` places from `first` on lie in [0, limit).
int Inside(int first, int size, int limit) {
  return std::max(0, std::min(first + size, limit) - std::max(first, 0));
}

// XNNPACK's: the sum of the values as they are, by a scale that the zero points are taken into.
int8_t MeanOf(int32_t sum, float pixels, const Quantization& input, const Quantization& output) {
  const float scale = input.scale / output.scale * (1.0f / pixels);
  const float zero = pixels * static_cast<float>(input.zero_point);
  const float offset = MultiplyAdd(-zero, scale, static_cast<float>(output.zero_point));
  const float mean = MultiplyAdd(static_cast<float>(sum), scale, offset);
  if (std::isnan(mean)) return 0;  // of no pixels
  return static_cast<int8_t>(std::clamp(std::nearbyint(mean), -128.0f, 127.0f));
}

}  // namespace

Status QuadPool::Make(PoolKind kind, QuadPadding padding, const ConvShape& shape,
                      const QuadConvLayout& layout, const Int8Kernels& kernels, int threads,
                      std::unique_ptr<QuadPool>* pool) {
  std::unique_ptr<QuadPool> made(new QuadPool(kind, padding, shape, layout, kernels, threads));
  UBP_RETURN_IF_ERROR(made->Prepare());
  *pool = std::move(made);
  return Status::Ok();
}

// What does not count does not change the result: the least value, or a number 0, which the sum is
// corrected for as for all others.
QuadPool::QuadPool(PoolKind kind, QuadPadding padding, const ConvShape& shape,
                   const QuadConvLayout& layout, const Int8Kernels& kernels, int threads)
    : kind_(kind),
      padding_(padding == QuadPadding::kZero ? layout.input_zero_point
               : kind == PoolKind::kMax      ? kLeast
                                             : 0),
      counts_padding_(padding == QuadPadding::kZero),
      shape_(WithChannels(shape, QuadsOf(shape.in_c))),
      layout_(layout),
      kernels_(kernels),
      threads_(threads),
      in_place_(shape.stride_w <= kMostStride && FindsPadding()) {}

// The taps that change the result where padding does not: one at least, of windows of padding only.
TapRange TapsToRead(const TapRange& inside) {
  return inside.begin < inside.end ? inside : TapRange{0, 1};
}

// Around an image are zero points.
bool QuadPool::FindsPadding() const {
  return shape_.unpadded() || (padding_ == layout_.input_zero_point && layout_.input.Suits(shape_));
}

Status QuadPool::Prepare() {
  if (!in_place_) {
    const ConvShape one = WithChannels(shape_, 1);
    UBP_RETURN_IF_ERROR(PhasePlanes::Check(one, one.out_h, layout_.output.pitch));
    phases_ = PhasePlanes(one, one.out_h, layout_.output.pitch, StoredElement(padding_, kernels_));
  }
  // Taps that read padding only change nothing where it does not count.
  const TapRange rows =
      counts_padding_ ? TapRange{0, shape_.kernel_h} : TapsToRead(shape_.RowsInside());
  const TapRange columns =
      counts_padding_ ? TapRange{0, shape_.kernel_w} : TapsToRead(shape_.ColumnsInside());
  for (int ky = rows.begin; ky < rows.end; ++ky) {
    for (int kx = columns.begin; kx < columns.end; ++kx) {
      const int64_t in_place =
          int64_t{ky - shape_.pad_top} * layout_.input.pitch + kx - shape_.pad_left;
      offsets_.push_back(kQuad *
                         (in_place_ ? in_place : phases_.LaneOffset(ky * shape_.kernel_w + kx)));
    }
  }
  if (kind_ == PoolKind::kAverage) SetCounts();
  return Status::Ok();
}

void QuadPool::SetCounts() {
  const ConvShape& s = shape_;
  counts_.assign(int64_t{s.out_h} * layout_.output.pitch + kMaxTilePixels, 1);
  for (int y = 0; y < s.out_h; ++y) {
    const int rows = Inside(y * s.stride_h - s.pad_top, s.kernel_h, s.in_h);
    for (int x = 0; x < s.out_w; ++x) {
      const int columns = Inside(x * s.stride_w - s.pad_left, s.kernel_w, s.in_w);
      counts_[int64_t{y} * layout_.output.pitch + x] = std::max(1, rows * columns);
    }
  }
}

void QuadPool::Run(const float* input, float* output, float* scratch, ThreadPool* pool) const {
  const int quads = shape_.in_c;
  const int wanted = threads_ == 1 ? 1 : threads_ * kJobsPerThread;
  const int quads_per_job = (quads + wanted - 1) / wanted;
  const int jobs = (quads + quads_per_job - 1) / quads_per_job;
  pool->Run(shape_.batch * jobs, [&](int job, int thread) {
    const int begin = job % jobs * quads_per_job;
    const int64_t plane = int64_t{job / jobs} * quads + begin;
    RunQuads(begin, std::min(quads, begin + quads_per_job),
             input + plane * layout_.input.plane_stride,
             output + plane * layout_.output.plane_stride, scratch + thread * phases_.floats());
  });
}

QuadPoolArgs QuadPool::Args() const {
  const PlaneGeometry& in = layout_.input;
  const PlaneGeometry& out = layout_.output;
  const bool is_flat = !in_place_ || (shape_.unit_stride() && in.pitch == out.pitch);
  const int pixels = is_flat ? out.flat_pixels() : shape_.out_w;
  QuadPoolArgs args{};
  args.mask = out.mask->data();
  args.junk = StoredQuad(layout_.output_zero_point, kernels_);
  args.quads = 1;
  args.input_plane = kQuad * in.plane_stride;
  args.output_plane = kQuad * out.plane_stride;
  args.rows = is_flat ? 1 : shape_.out_h;
  args.vectors = (pixels + kernels_.vector_width - 1) / kernels_.vector_width;
  args.input_pitch = int64_t{kQuad} * shape_.stride_h * in.pitch;
  args.output_pitch = int64_t{kQuad} * out.pitch;
  args.offsets = offsets_.data();
  args.num_taps = static_cast<int>(offsets_.size());
  args.stride = in_place_ ? shape_.stride_w : 1;
  args.min = StoredQuad(layout_.min, kernels_);
  args.max = StoredQuad(layout_.max, kernels_);
  args.counts = counts_.data();
  args.sum_offset = args.num_taps * kernels_.flip;
  args.zero = kernels_.flip;
  args.least = StoredValue(layout_.min, kernels_);
  args.most = StoredValue(layout_.max, kernels_);
  return args;
}

void QuadPool::RunQuads(int begin, int end, const float* input, float* output,
                        float* phases) const {
  const QuadPoolKernel kernel = kind_ == PoolKind::kMax ? kernels_.pool_max : kernels_.pool_average;
  QuadPoolArgs args = Args();
  args.output = reinterpret_cast<uint8_t*>(output + layout_.output.lead);
  if (in_place_) {
    args.input = reinterpret_cast<const uint8_t*>(input + layout_.input.lead);
    args.quads = end - begin;
    kernel(args);
    return;
  }
  args.input = reinterpret_cast<const uint8_t*>(phases);
  for (int quad = begin; quad < end; ++quad) {
    for (int unit = 0; unit < phases_.plane_units(); ++unit) {
      phases_.FillFromPlanes({input, 0}, layout_.input, 0, shape_.out_h, unit, phases);
    }
    kernel(args);
    input += layout_.input.plane_stride;
    args.output += args.output_plane;
  }
}

void MeanOfQuads(const PlaneTensor& tensor, const Quantization& input_values,
                 const Quantization& output_values, const Int8Kernels& kernels, const float* input,
                 int8_t* output, ThreadPool* pool) {
  const PlaneGeometry& geometry = tensor.geometry;
  const int quads = QuadsOf(tensor.channels);
  const int jobs = (quads + kQuadsPerMean - 1) / kQuadsPerMean;
  const int pixels = geometry.height * geometry.width;
  const int vectors = (geometry.flat_pixels() + kernels.vector_width - 1) / kernels.vector_width;
  // Elements that are no pixels hold the zero point.
  const int junk = vectors * kernels.vector_width - pixels;
  // Sums and what is taken from them wrap around.
  const uint32_t offset =
      static_cast<uint32_t>(int64_t{junk} * StoredValue(input_values.zero_point, kernels) +
                            int64_t{pixels} * kernels.flip);
  pool->Run(tensor.batch * jobs, [&](int job, int) {
    const int image = job / jobs;
    const int begin = job % jobs * kQuadsPerMean;
    int32_t sums[kQuad * kQuadsPerMean];
    QuadSumArgs args;
    args.quads = std::min(quads - begin, kQuadsPerMean);
    args.input = reinterpret_cast<const uint8_t*>(
        input + (int64_t{image} * quads + begin) * geometry.plane_stride + geometry.lead);
    args.input_plane = kQuad * geometry.plane_stride;
    args.vectors = vectors;
    args.sums = sums;
    kernels.sum_planes(args);
    const int first = kQuad * begin;
    const int count = std::min(tensor.channels - first, kQuad * args.quads);
    for (int c = 0; c < count; ++c) {
      output[int64_t{image} * tensor.channels + first + c] =
          MeanOf(static_cast<int32_t>(static_cast<uint32_t>(sums[c]) - offset),
                 static_cast<float>(pixels), input_values, output_values);
    }
  });
}

}  // namespace ubp
