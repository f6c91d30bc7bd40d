// SPDX-License-Identifier: Apache-2.0
// The way between the interpreter's NHWC int8 tensors and planes of quads.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_PLANES_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_PLANES_H_

#include <cstdint>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/operators/quad_layout.h"

namespace ubp {

// From and to [batch, height, width, channels] of plain int8. `tensor` has the number of channels, not
// of quads; `planes` has batch * QuadsOf(channels) planes, of which pixels are read or written,
// nothing else.
void ImageToQuads(const PlaneTensor& tensor, uint8_t flip, const int8_t* image, float* planes,
                  ThreadPool* pool);
void QuadsToImage(const PlaneTensor& tensor, uint8_t flip, const float* planes, int8_t* image,
                  ThreadPool* pool);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_PLANES_H_
