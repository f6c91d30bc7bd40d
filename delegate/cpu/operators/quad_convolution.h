// SPDX-License-Identifier: Apache-2.0
// A convolution of int8 in blocks, from planes of quads into planes of quads, prepared for one input
// shape: what a plan runs.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_CONVOLUTION_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_CONVOLUTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/quad_layout.h"
#include "delegate/cpu/operators/tiling.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/weights/quad_weights.h"

namespace ubp {

class QuadConvolution {
 public:
  // `shape` has the layer's own numbers of channels. `weights` are packed for it and for the flip of
  // `kernels`. The input is read in place as by MakeWrosConvolution; where it is not, the output has
  // at least the pitch PhasePlanes::MinPitch(shape). Fails when that pitch is too small, or the input
  // too large for 32-bit offsets.
  static Status Make(std::shared_ptr<const QuadWeights> weights, const ConvShape& shape,
                     const QuadConvLayout& layout, const Int8Kernels& kernels, int threads,
                     std::unique_ptr<QuadConvolution>* convolution);

  // Elements of scratch memory that Run needs.
  size_t scratch_floats() const { return in_place_ ? 0 : static_cast<size_t>(planes_.floats()); }
  // Memory held for this shape, beside packed weights and scratch.
  size_t prepared_bytes() const { return sizeof(int32_t) * offsets_.size(); }

  // All images of the batch; memory in elements of 32 bits, `scratch` 64-byte aligned. Allocates
  // nothing. `pool` has at most as many threads as the convolution was prepared for. Reentrant with
  // different scratch memory. The result does not depend on the number of threads.
  void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const {
    Run(input, nullptr, output, scratch, pool);
  }
  // With a residual, where the layout has one; it may be the output.
  void Run(const float* input, const float* residual, float* output, float* scratch,
           ThreadPool* pool) const;

 private:
  QuadConvolution(std::shared_ptr<const QuadWeights> weights, const ConvShape& shape,
                  const QuadConvLayout& layout, const Int8Kernels& kernels);
  Status Prepare(int threads);
  Status SetOffsets();
  void MakeRanges(int threads);
  int64_t GroupOffset(int group) const;
  void RunImage(const float* input, const float* residual, float* output, float* scratch,
                ThreadPool* pool) const;
  void RunTile(const float* source, const Tile& tile, int range, const float* residual,
               float* output) const;
  void AddResidual(const float* residual, const Tile& tile, int begin, QuadConvArgs* args) const;

  std::shared_ptr<const QuadWeights> weights_;
  ConvShape shape_;  // with quads as channels
  int in_c_;         // of the layer
  QuadConvLayout layout_;
  Requantization requantization_;
  QuadSum sum_{};  // both with a residual
  Requantization sum_requantization_{};
  const Int8Kernels& kernels_;
  const QuadBlockKernels& tile_kernels_;
  bool in_place_;
  PhasePlanes planes_;  // where it is not
  std::vector<Tile> tiles_;
  std::vector<int> bounds_;       // of the ranges of output channels
  std::vector<int32_t> offsets_;  // bytes, per block, and kQuadOffsetsBeyond more
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_CONVOLUTION_H_
