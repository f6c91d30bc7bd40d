// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/plane_operators.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "delegate/cpu/operators/rearrange.h"
#include "delegate/cpu/operators/short_rows.h"

namespace ubp {
namespace {

constexpr int kPlanesPerJob = 8;

// Calls function(plane) for all planes of all images.
template <class Function>
void ForEachPlane(const PlaneTensor& tensor, ThreadPool* pool, const Function& function) {
  const int planes = tensor.batch * tensor.channels;
  pool->Run((planes + kPlanesPerJob - 1) / kPlanesPerJob, [&](int job, int) {
    const int end = std::min(planes, (job + 1) * kPlanesPerJob);
    for (int plane = job * kPlanesPerJob; plane < end; ++plane) function(plane);
  });
}

// Calls function(image row, first pixel of the row within channel 0 of its image's planes).
template <class Function>
void ForEachRow(const PlaneTensor& tensor, ThreadPool* pool, const Function& function) {
  const PlaneGeometry& geometry = tensor.geometry;
  pool->Run(tensor.batch * geometry.height, [&](int row, int) {
    const int64_t image = row / geometry.height * geometry.plane_stride * tensor.channels;
    function(row, image + geometry.lead + row % geometry.height * int64_t{geometry.pitch});
  });
}

// Calls function(first element of the row in planes, first element of it in an image without anything
// between its rows) for all rows of all planes.
template <class Function>
void ForEachPlaneRow(const PlaneTensor& tensor, ThreadPool* pool, const Function& function) {
  const PlaneGeometry& geometry = tensor.geometry;
  ForEachPlane(tensor, pool, [&](int plane) {
    int64_t in_planes = plane * geometry.plane_stride + geometry.lead;
    int64_t row = int64_t{plane} * geometry.height * geometry.width;
    for (int y = 0; y < geometry.height; ++y) {
      function(in_planes, row);
      in_planes += geometry.pitch;
      row += geometry.width;
    }
  });
}

}  // namespace

void RowsToPlanes(const PlaneTensor& tensor, const float* rows, float* planes, ThreadPool* pool) {
  const size_t bytes = sizeof(float) * tensor.geometry.width;
  ForEachPlaneRow(tensor, pool, [&](int64_t in_planes, int64_t row) {
    std::memcpy(planes + in_planes, rows + row, bytes);
  });
}

void PlanesToRows(const PlaneTensor& tensor, const float* planes, float* rows, ThreadPool* pool) {
  const size_t bytes = sizeof(float) * tensor.geometry.width;
  ForEachPlaneRow(tensor, pool, [&](int64_t in_planes, int64_t row) {
    std::memcpy(rows + row, planes + in_planes, bytes);
  });
}

void MeanOfPlanes(const PlaneTensor& tensor, const float* input, float* output, ThreadPool* pool) {
  const PlaneGeometry& geometry = tensor.geometry;
  const float pixels = static_cast<float>(geometry.height) * static_cast<float>(geometry.width);
  ForEachPlane(tensor, pool, [&](int plane) {
    const float* const first = input + plane * geometry.plane_stride + geometry.lead;
    constexpr int kChains = 8;
    float sums[kChains] = {};
    int i = 0;
    for (; i + kChains <= geometry.flat_pixels(); i += kChains) {
      for (int chain = 0; chain < kChains; ++chain) sums[chain] += first[i + chain];
    }
    for (; i < geometry.flat_pixels(); ++i) sums[0] += first[i];
    float sum = 0.0f;
    for (const float partial : sums) sum += partial;
    output[plane] = sum / pixels;
  });
}

void ImageToPlanes(const PlaneTensor& tensor, const float* image, float* planes, ThreadPool* pool) {
  const PlaneGeometry& geometry = tensor.geometry;
  ForEachRow(tensor, pool, [&](int row, int64_t first) {
    const int64_t pixel = int64_t{row} * geometry.width;
    Transpose(image + pixel * tensor.channels, tensor.channels, geometry.width, tensor.channels,
              planes + first, geometry.plane_stride);
  });
}

void PlanesToImage(const PlaneTensor& tensor, const float* planes, float* image, ThreadPool* pool) {
  const PlaneGeometry& geometry = tensor.geometry;
  ForEachRow(tensor, pool, [&](int row, int64_t first) {
    const int64_t pixel = int64_t{row} * geometry.width;
    Transpose(planes + first, geometry.plane_stride, tensor.channels, geometry.width,
              image + pixel * tensor.channels, tensor.channels);
  });
}

void PadPlanes(const PlaneTensor& input, const float* from, const PlaneGeometry& output, int top,
               int left, const PadWords& words, float* to, ThreadPool* pool) {
  const PlaneGeometry& geometry = input.geometry;
  const int right = left + geometry.width;
  ForEachPlane(input, pool, [&](int plane) {
    float* out = to + plane * output.plane_stride + output.lead;
    const float* row = from + plane * geometry.plane_stride + geometry.lead;
    for (int y = 0; y < output.height; ++y, out += output.pitch) {
      if (y < top || y >= top + geometry.height) {
        FillRow(out, output.width, words.inside);
      } else {
        FillRow(out, left, words.inside);
        CopyRow(row, geometry.width, out + left);
        FillRow(out + right, output.width - right, words.inside);
        row += geometry.pitch;
      }
      if (y + 1 < output.height) {
        FillRow(out + output.width, output.pitch - output.width, words.around);
      }
    }
  });
}

}  // namespace ubp
