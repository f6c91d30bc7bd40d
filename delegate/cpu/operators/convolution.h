// SPDX-License-Identifier: Apache-2.0
// A convolution in blocks, prepared for one input shape: what a plan runs.
#ifndef UBP_DELEGATE_CPU_OPERATORS_CONVOLUTION_H_
#define UBP_DELEGATE_CPU_OPERATORS_CONVOLUTION_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/cpu/operators/row_function.h"
#include "delegate/cpu/operators/row_operator.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/weights/weights.h"

namespace ubp {

class WindowOperator;

// Where a convolution's tensors lie, channel-major in the geometry given, or NHWC; and what is
// computed along with it.
struct ConvLayout {
  std::optional<PlaneGeometry> input;
  std::optional<PlaneGeometry> output;
  // Of what is added before the activation, if anything is: with the pitch of the output, which is
  // then channel-major too.
  std::optional<PlaneGeometry> residual;
  // A depthwise convolution of stride 1 and equal input and output size in front of a pointwise
  // one: `input` is what it reads, and its output never lies in memory as a whole. Or null.
  std::shared_ptr<const WindowOperator> depthwise;
  RowFunction function;  // applied to the output, behind the activation
};

// What a convolution in blocks has of its layer, whatever the shape.
struct PackedLayerWeights {
  std::shared_ptr<const KernelWeights> weights;
  int lanes = 0;
  Activation activation = Activation::kNone;
};

// The memory of one run, all tensors of all images of the batch.
struct ConvBuffers {
  const float* input = nullptr;
  float* output = nullptr;
  const float* residual = nullptr;  // null where the layout has none
  float* scratch = nullptr;         // 64-byte aligned; its contents need not outlive the call
};

class Convolution {
 public:
  virtual ~Convolution() = default;

  // Floats of scratch memory that Run needs.
  virtual size_t scratch_floats() const = 0;
  // Memory held for this shape, beside packed weights and scratch.
  virtual size_t prepared_bytes() const = 0;
  // Allocates nothing. `pool` has at most as many threads as the convolution was prepared for.
  // Reentrant with different scratch memory. The result does not depend on the number of threads.
  virtual void Run(const ConvBuffers& buffers, ThreadPool* pool) const = 0;
};

// Plain loops over blocks and pixels, NHWC in and out: what all kernels are tested against.
std::unique_ptr<Convolution> MakeReferenceConvolution(const PackedLayerWeights& layer,
                                                      const ConvShape& shape);

// Whether windows read a channel-major input where it is, if its halo suffices
// (PlaneGeometry::Suits) and its pitch is that of a channel-major output; else from a copy of it.
inline bool ConvolutionReadsInPlace(const ConvShape& shape) {
  return shape.unit_stride() && shape.AllTapsInside();
}

// The WROS kernels of `isa`, divided for `threads` threads. Where the input is not read in place,
// a channel-major output has at least the pitch PhasePlanes::MinPitch(shape).
// Fails when that pitch is too small, or the layer's input too large for 32-bit offsets.
Status MakeWrosConvolution(const PackedLayerWeights& layer, const ConvShape& shape,
                           const ConvLayout& layout, const InstructionSet& isa, int threads,
                           std::unique_ptr<Convolution>* convolution);

// The same as an operator for up to `max_rows` rows at a time. Its output is channel-major; heights
// in the geometries do not count: they may be those of windows.
Status MakeWrosRows(const PackedLayerWeights& layer, const ConvShape& shape,
                    const ConvLayout& layout, const InstructionSet& isa, int max_rows,
                    std::unique_ptr<RowOperator>* row_operator);

// Dense layers at few pixels of images: no blocks, no copy of the weights, which must outlive the
// result.
bool SuitsVectorConvolution(const LayerWeights& layer, const ConvShape& shape);
std::unique_ptr<Convolution> MakeVectorConvolution(const LayerWeights& layer,
                                                   const ConvShape& shape,
                                                   const RowFunction& function,
                                                   const InstructionSet& isa);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_CONVOLUTION_H_
