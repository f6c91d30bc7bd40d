// SPDX-License-Identifier: Apache-2.0
// A depthwise convolution of int8, from planes of quads into planes of quads.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_DEPTHWISE_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/quad_layout.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/weights/quad_weights.h"

namespace ubp {

class QuadDepthwise {
 public:
  // `shape` has as many in as out channels, which is the multiplier 1; `weights` are packed for the
  // flip of `kernels`. The input is read in place where WindowReadsInPlace(shape) says so and its
  // halo suits; where it is not, the output has at least the pitch PhasePlanes::MinPitch(shape).
  // Fails when that pitch is too small.
  static Status Make(std::shared_ptr<const QuadDepthwiseWeights> weights, const ConvShape& shape,
                     const QuadConvLayout& layout, const Int8Kernels& kernels, int threads,
                     std::unique_ptr<QuadDepthwise>* depthwise);

  // Elements of scratch memory that Run needs.
  size_t scratch_floats() const {
    return in_place_ ? 0 : static_cast<size_t>(phases_.floats()) * threads_;
  }
  // Memory held for this shape, beside scratch.
  size_t prepared_bytes() const { return sizeof(ptrdiff_t) * offsets_.size() + spans_.size(); }

  // As QuadConvolution::Run.
  void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const;

 private:
  QuadDepthwise(std::shared_ptr<const QuadDepthwiseWeights> weights, const ConvShape& shape,
                const QuadConvLayout& layout, const Int8Kernels& kernels, int threads);
  Status Prepare();
  std::vector<int64_t> TapOffsets() const;
  void SetSpans();
  QuadDepthwiseArgs ArgsOf(int begin, int end) const;
  void RunQuads(int begin, int end, const float* input, float* output, float* phases) const;

  std::shared_ptr<const QuadDepthwiseWeights> weights_;
  ConvShape shape_;  // with quads as channels
  QuadConvLayout layout_;
  Requantization requantization_;
  const Int8Kernels& kernels_;
  int threads_;
  bool in_place_;
  PhasePlanes phases_;              // of one quad, where it is not
  std::vector<ptrdiff_t> offsets_;  // QuadDepthwiseArgs::offsets
  std::vector<int8_t> spans_;       // QuadDepthwiseArgs::weights
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_DEPTHWISE_H_
