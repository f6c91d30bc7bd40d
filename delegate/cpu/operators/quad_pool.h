// SPDX-License-Identifier: Apache-2.0
// Pooling of int8 in planes of quads, and means over whole images.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_POOL_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/operators/quad_layout.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/graph/ops.h"

namespace ubp {

// What lies outside an image does not count, or is zero: of a maximum, as pads it has absorbed are.
enum class QuadPadding { kNothing, kZero };

// Input and output have the same scale and zero point. An average is TensorFlow Lite's own, of
// integers: each division rounds half away from zero.
class QuadPool {
 public:
  // `shape` has as many in as out channels. A window of strides up to 2 reads its input in place if
  // it finds its padding there; of all others, the output has at least the pitch
  // PhasePlanes::MinPitch(shape). Fails when that pitch is too small.
  static Status Make(PoolKind kind, QuadPadding padding, const ConvShape& shape,
                     const QuadConvLayout& layout, const Int8Kernels& kernels, int threads,
                     std::unique_ptr<QuadPool>* pool);

  // Elements of scratch memory that Run needs.
  size_t scratch_floats() const {
    return in_place_ ? 0 : static_cast<size_t>(phases_.floats()) * threads_;
  }
  // Memory held for this shape, beside scratch.
  size_t prepared_bytes() const {
    return sizeof(ptrdiff_t) * offsets_.size() + sizeof(int32_t) * counts_.size();
  }

  // As QuadConvolution::Run.
  void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const;

 private:
  QuadPool(PoolKind kind, QuadPadding padding, const ConvShape& shape, const QuadConvLayout& layout,
           const Int8Kernels& kernels, int threads);
  bool FindsPadding() const;
  Status Prepare();
  void SetCounts();
  QuadPoolArgs Args() const;
  void RunQuads(int begin, int end, const float* input, float* output, float* phases) const;

  PoolKind kind_;
  int padding_;  // the value, of the model
  bool counts_padding_;
  ConvShape shape_;  // with quads as channels
  QuadConvLayout layout_;
  const Int8Kernels& kernels_;
  int threads_;
  bool in_place_;
  PhasePlanes phases_;              // of one quad, where it is not
  std::vector<ptrdiff_t> offsets_;  // QuadPoolArgs::offsets
  std::vector<int32_t> counts_;     // QuadPoolArgs::counts, of an average
};

// output [batch, channels], plain int8: the mean over each channel's pixels, with XNNPACK's arithmetic.
void MeanOfQuads(const PlaneTensor& tensor, const Quantization& input_values,
                 const Quantization& output_values, const Int8Kernels& kernels, const float* input,
                 int8_t* output, ThreadPool* pool);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_POOL_H_
