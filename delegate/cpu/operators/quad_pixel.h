// SPDX-License-Identifier: Apache-2.0
// Layers of int8 on single pixels: fully-connected layers, and convolutions of 1x1 images. NHWC in and
// out, the interpreter's own plain int8.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_PIXEL_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_PIXEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/operators/quad_convolution.h"
#include "delegate/cpu/operators/quad_layout.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/weights/quad_weights.h"

namespace ubp {

class QuadPixelConvolution {
 public:
  // `shape` is pointwise: rows of in_c channels are its batch * out_h * out_w pixels. `layout` gives
  // the numbers alone, no geometry. Fails where rows are too many for 32-bit offsets.
  static Status Make(std::shared_ptr<const QuadWeights> weights, const ConvShape& shape,
                     const QuadConvLayout& layout, const Int8Kernels& kernels, int threads,
                     std::unique_ptr<QuadPixelConvolution>* convolution);

  // Elements of scratch memory that Run needs.
  size_t scratch_floats() const;
  // Memory held for this shape, beside packed weights and scratch.
  size_t prepared_bytes() const;

  // From [rows, in_c] to [rows, out_c]. As QuadConvolution::Run.
  void Run(const int8_t* input, int8_t* output, float* scratch, ThreadPool* pool) const;

 private:
  QuadPixelConvolution(std::shared_ptr<const QuadWeights> weights, const ConvShape& shape,
                       const QuadConvLayout& layout, const Int8Kernels& kernels);
  Status PrepareRows(const ConvShape& shape, int threads);
  void PreparePixel(int threads);
  void RunRows(const int8_t* input, int8_t* output, float* scratch, ThreadPool* pool) const;
  void RunPixel(const int8_t* input, int8_t* output, float* scratch, ThreadPool* pool) const;

  std::shared_ptr<const QuadWeights> weights_;
  QuadConvLayout layout_;
  Requantization requantization_;
  const Int8Kernels& kernels_;
  int rows_;
  PlaneTensor input_;   // of several rows: the rows side by side as one row of an image
  PlaneTensor output_;  // likewise
  std::unique_ptr<QuadConvolution> convolution_;  // of several rows
  std::vector<int> bounds_;                       // of one row: ranges of output channels
  std::vector<int32_t> offsets_;                  // of one row, and kQuadOffsetsBeyond more
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_PIXEL_H_
