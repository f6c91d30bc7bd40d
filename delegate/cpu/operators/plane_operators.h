// SPDX-License-Identifier: Apache-2.0
// Operators on whole planes of channel-major tensors, and the way between them and NHWC.
#ifndef UBP_DELEGATE_CPU_OPERATORS_PLANE_OPERATORS_H_
#define UBP_DELEGATE_CPU_OPERATORS_PLANE_OPERATORS_H_

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/operators/plane_geometry.h"

namespace ubp {

// The planes of a channel-major tensor: batch * channels, of one geometry.
struct PlaneTensor {
  PlaneGeometry geometry;
  int batch = 1;
  int channels = 0;
};

// output [batch, channels]: the mean over each plane's pixels.
void MeanOfPlanes(const PlaneTensor& tensor, const float* input, float* output, ThreadPool* pool);

// From and to NHWC [batch, height, width, channels].
void ImageToPlanes(const PlaneTensor& tensor, const float* image, float* planes, ThreadPool* pool);
void PlanesToImage(const PlaneTensor& tensor, const float* planes, float* image, ThreadPool* pool);

// From and to [batch, channels, height, width].
void RowsToPlanes(const PlaneTensor& tensor, const float* rows, float* planes, ThreadPool* pool);
void PlanesToRows(const PlaneTensor& tensor, const float* planes, float* rows, ThreadPool* pool);

// What PadPlanes writes beside the pixels it copies: into the rest of the image, and between its rows.
struct PadWords {
  float inside = 0.0f;
  float around = 0.0f;
};

// Copies the pixels of `input` to (top, left) of planes of the larger geometry `output`.
void PadPlanes(const PlaneTensor& input, const float* from, const PlaneGeometry& output, int top,
               int left, const PadWords& words, float* to, ThreadPool* pool);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_PLANE_OPERATORS_H_
