// SPDX-License-Identifier: Apache-2.0
// Layer normalisation over the channels of each pixel (LayerNormOp), of tensors in either form.
#ifndef UBP_DELEGATE_CPU_OPERATORS_LAYER_NORM_H_
#define UBP_DELEGATE_CPU_OPERATORS_LAYER_NORM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/dims.h"
#include "delegate/graph/ops.h"

namespace ubp {

// Run allocates nothing, is reentrant, and may have its input as output.
class LayerNorm {
 public:
  // Of a channel-major tensor, whose planes stay zero where there are no pixels.
  LayerNorm(const LayerNormOp& op, const PlaneTensor& tensor, ActivationRange range,
            const InstructionSet& isa);
  // Of an image, or a matrix: channels are along the last axis.
  LayerNorm(const LayerNormOp& op, const Dims& dims, ActivationRange range,
            const InstructionSet& isa);

  void Run(const float* input, float* output, ThreadPool* pool) const;

 private:
  // All but what depends on the tensor's form.
  LayerNorm(const LayerNormOp& op, int channels, ActivationRange range);

  ChannelScale numbers_;  // [channels] each
  NormalizeKernel kernel_ = nullptr;
  NormalizeArgs args_;
  // Floats from the start of the tensor to its first pixel, and from one image or pixel to the next.
  int64_t lead_ = 0;
  int64_t image_stride_ = 0;
  int64_t pixel_stride_ = 0;
  int images_ = 1;
  int64_t pixels_ = 0;  // of an image; of a channel-major one those between its rows included
  std::shared_ptr<const std::vector<uint32_t>> mask_;  // of each plane; null for an image
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_LAYER_NORM_H_
