// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/resample.h"

#include <algorithm>
#include <cmath>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/rearrange.h"

namespace ubp {
namespace {

// Planes of a tensor that one job takes: enough to be worth handing over.
int PlanesPerJob(const PlaneGeometry& geometry) {
  constexpr int kPixelsPerJob = 16 * 1024;
  return std::max(1, kPixelsPerJob / std::max(1, geometry.flat_pixels()));
}

// Calls function(plane) for `planes` planes.
template <class Function>
void ForEachPlane(int planes, int per_job, ThreadPool* pool, const Function& function) {
  pool->Run((planes + per_job - 1) / per_job, [&](int job, int) {
    const int end = std::min(planes, (job + 1) * per_job);
    for (int plane = job * per_job; plane < end; ++plane) function(plane);
  });
}

const float* RowOf(const float* plane, const PlaneGeometry& geometry, int y) {
  return plane + geometry.lead + int64_t{y} * geometry.pitch;
}

float* RowOf(float* plane, const PlaneGeometry& geometry, int y) {
  return plane + geometry.lead + int64_t{y} * geometry.pitch;
}

float ScaleOf(bool align_corners, int in_size, int out_size) {
  if (align_corners && out_size > 1) {
    return static_cast<float>(in_size - 1) / static_cast<float>(out_size - 1);
  }
  return static_cast<float>(in_size) / static_cast<float>(out_size);
}

AxisSamples SampleInFixedPoint(int in_size, int out_size) {
  constexpr int kFractionBits = 16;
  const int64_t scale = (int64_t{in_size} << kFractionBits) / out_size + 1;
  AxisSamples samples;
  for (int64_t i = 0; i < out_size; ++i) {
    const int64_t nearest = std::min<int64_t>((i * scale) >> kFractionBits, in_size - 1);
    samples.lower.push_back(static_cast<int32_t>(nearest));
  }
  return samples;
}

// to[i * stride] = from[i]: the columns of one phase among those of all.
template <int kStride>
void Interleave(const float* from, int count, int stride, float* to) {
  const int step = kStride > 0 ? kStride : stride;
  for (int i = 0; i < count; ++i) to[i * step] = from[i];
}

}  // namespace

AxisSamples SampleAxis(const ResizeOp& resize, ElementType elements, int in_size, int out_size) {
  const bool at_corners = !resize.align_corners && !resize.half_pixel_centers;
  if (resize.kind == ResizeKind::kNearest && elements == ElementType::kInt8 && at_corners) {
    return SampleInFixedPoint(in_size, out_size);
  }
  const float scale = ScaleOf(resize.align_corners, in_size, out_size);
  AxisSamples samples;
  for (int i = 0; i < out_size; ++i) {
    const auto place = static_cast<float>(i);
    if (resize.kind == ResizeKind::kNearest) {
      const float at = (place + (resize.half_pixel_centers ? 0.5f : 0.0f)) * scale;
      const int nearest = static_cast<int>(resize.align_corners ? std::round(at) : std::floor(at));
      samples.lower.push_back(std::max(0, std::min(nearest, in_size - 1)));
      continue;
    }
    const float at = resize.half_pixel_centers ? (place + 0.5f) * scale - 0.5f : place * scale;
    const int lower = std::max(static_cast<int>(std::floor(at)), 0);
    samples.lower.push_back(std::min(lower, in_size - 1));
    samples.upper.push_back(std::min(static_cast<int>(std::ceil(at)), in_size - 1));
    samples.upper.back() = std::max(samples.upper.back(), 0);
    samples.fraction.push_back(at - static_cast<float>(lower));
  }
  return samples;
}

ResizePlanes::ResizePlanes(const ResizeOp& resize, ElementType elements, const PlaneTensor& input,
                           const PlaneGeometry& output, const InstructionSet& isa)
    : kind_(resize.kind),
      input_(input),
      output_(output),
      vector_width_(isa.vector_width),
      kernel_(isa.resize_plane),
      rows_(SampleAxis(resize, elements, input.geometry.height, output.height)),
      columns_(SampleAxis(resize, elements, input.geometry.width, output.width)) {
  if (kind_ == ResizeKind::kBilinear && output_.width > 0) FindVectors();
}

void ResizePlanes::FindVectors() {
  const auto width = static_cast<int>(RoundUp(output_.width, vector_width_));
  columns_.lower.resize(width, columns_.lower.back());
  columns_.upper.resize(width, columns_.upper.back());
  columns_.fraction.resize(width);
  mask_.assign(width, 0u);
  std::fill_n(mask_.begin(), output_.width, ~0u);
  for (int x = 0; x < width; x += vector_width_) {
    int32_t* const lower = &columns_.lower[x];
    int32_t* const upper = &columns_.upper[x];
    const int32_t first = *std::min_element(lower, lower + vector_width_);
    const bool fits = *std::max_element(upper, upper + vector_width_) - first < vector_width_;
    first_.push_back(fits ? first : -1);
    if (!fits) continue;
    for (int i = 0; i < vector_width_; ++i) {
      lower[i] -= first;
      upper[i] -= first;
    }
  }
}

void ResizePlanes::Run(const float* input, float* output, ThreadPool* pool) const {
  ForEachPlane(input_.batch * input_.channels, PlanesPerJob(output_), pool, [&](int plane) {
    const float* from = input + plane * input_.geometry.plane_stride;
    float* to = output + plane * output_.plane_stride;
    if (kind_ == ResizeKind::kNearest) {
      RunNearest(from, to);
    } else {
      RunBilinear(from, to);
    }
  });
}

void ResizePlanes::RunNearest(const float* from, float* to) const {
  const int32_t* const columns = columns_.lower.data();
  for (int y = 0; y < output_.height; ++y) {
    float* const row = RowOf(to, output_, y);
    if (y > 0 && rows_.lower[y] == rows_.lower[y - 1]) {
      std::copy_n(row - output_.pitch, output_.width, row);
      continue;
    }
    const float* const source = RowOf(from, input_.geometry, rows_.lower[y]);
    for (int x = 0; x < output_.width; ++x) row[x] = source[columns[x]];
  }
}

void ResizePlanes::RunBilinear(const float* from, float* to) const {
  const auto axis = [](int size, const AxisSamples& samples) {
    return ResizeAxis{size, samples.lower.data(), samples.upper.data(), samples.fraction.data()};
  };
  ResizeArgs args;
  args.input = RowOf(from, input_.geometry, 0);
  args.input_pitch = input_.geometry.pitch;
  args.output = RowOf(to, output_, 0);
  args.output_pitch = output_.pitch;
  args.rows = axis(output_.height, rows_);
  args.columns = axis(output_.width, columns_);
  args.first = first_.data();
  args.mask = mask_.data();
  kernel_(args);
}

void DepthToSpacePlanes::Run(const float* input, float* output, ThreadPool* pool) const {
  const int channels = output_.channels;
  const int phases = op_.block_h * op_.block_w;
  ForEachPlane(output_.batch * channels, PlanesPerJob(output_.geometry), pool, [&](int plane) {
    const int64_t image = int64_t{plane / channels} * channels * phases;
    float* const to = output + plane * output_.geometry.plane_stride;
    for (int phase = 0; phase < phases; ++phase) {
      const int64_t source = image + int64_t{phase} * channels + plane % channels;
      RunPhase(phase / op_.block_w, phase % op_.block_w, input + source * input_.plane_stride, to);
    }
  });
}

// The pixels (y, x) of all blocks of one plane.
void DepthToSpacePlanes::RunPhase(int y, int x, const float* from, float* to) const {
  const int width = output_.geometry.width;
  // Columns of the input whose pixel is not cropped.
  const int first = std::max(0, (op_.crop.left - x + op_.block_w - 1) / op_.block_w);
  const int column = first * op_.block_w + x - op_.crop.left;
  if (column >= width) return;
  const int count = (width - column - 1) / op_.block_w + 1;
  for (int i = 0; i < input_.height; ++i) {
    const int row = i * op_.block_h + y - op_.crop.top;
    if (row < 0 || row >= output_.geometry.height) continue;
    const float* const source = RowOf(from, input_, i) + first;
    float* const target = RowOf(to, output_.geometry, row) + column;
    if (op_.block_w == 2) {
      Interleave<2>(source, count, 2, target);
    } else {
      Interleave<0>(source, count, op_.block_w, target);
    }
  }
}

void SpaceToDepthPlanes::Run(const float* input, float* output, ThreadPool* pool) const {
  const int channels = input_.channels;
  ForEachPlane(input_.batch * channels, PlanesPerJob(input_.geometry), pool, [&](int plane) {
    const int64_t image = int64_t{plane / channels} * channels * block_ * block_;
    const float* const from = input + plane * input_.geometry.plane_stride;
    for (int phase = 0; phase < block_ * block_; ++phase) {
      const int64_t target = image + int64_t{phase} * channels + plane % channels;
      float* const to = output + target * output_.plane_stride;
      for (int y = 0; y < output_.height; ++y) {
        const float* const row =
            RowOf(from, input_.geometry, y * block_ + phase / block_) + phase % block_;
        CopyStrided(row, 0, block_, 1, output_.width, RowOf(to, output_, y), 0);
      }
    }
  });
}

}  // namespace ubp
