// SPDX-License-Identifier: Apache-2.0
// Bilinear resizing of int8 in planes of quads.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_RESIZE_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_RESIZE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/graph/ops.h"

namespace ubp {

// Of one axis: output i is input `lower` times 1 - `share` / 2^kBlendBits, and input `upper` times
// the rest.
struct BlendedAxis {
  std::vector<int32_t> lower;
  std::vector<int32_t> upper;
  std::vector<int32_t> share;
};

// As XNNPACK has it: places in float32, shares rounded, ties to even.
BlendedAxis BlendAxis(const ResizeOp& resize, int in_size, int out_size);

// Input and output have the same scale and zero point.
class QuadResize {
 public:
  // `input` has planes of quads.
  QuadResize(const ResizeOp& resize, const PlaneTensor& input, const PlaneGeometry& output,
             int zero_point, const Int8Kernels& kernels, int threads);

  // Elements of scratch memory that Run needs.
  size_t scratch_floats() const { return blended_floats() * threads_; }
  // Memory held for this shape, beside scratch.
  size_t prepared_bytes() const;

  // As QuadConvolution::Run.
  void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const;

 private:
  void SetColumns(const BlendedAxis& columns);
  size_t blended_floats() const;  // of one thread
  void RunPlane(const float* input, float* output, float* blended) const;

  PlaneTensor input_;
  PlaneGeometry output_;
  const Int8Kernels& kernels_;
  int threads_;
  BlendedAxis rows_;
  // QuadResizeArgs::lower and so on.
  std::vector<int32_t> lower_, upper_, rests_, shares_;
  QuadResizeArgs args_{};  // what all rows share
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_RESIZE_H_
