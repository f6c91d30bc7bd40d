// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution and pooling, channel-major in and out: a window over each plane.
#ifndef UBP_DELEGATE_CPU_OPERATORS_WINDOW_OPERATOR_H_
#define UBP_DELEGATE_CPU_OPERATORS_WINDOW_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/cpu/operators/row_function.h"
#include "delegate/cpu/operators/row_operator.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/weights/packed_weights.h"

namespace ubp {

// Whether a window whose padding is zero reads its input where it is, with the input's halo for its
// padding (PlaneGeometry::Suits).
bool WindowReadsInPlace(const ConvShape& shape);

class WindowOperator : public RowOperator {
 public:
  // A depthwise convolution. `shape` has as many in as out channels, which is the multiplier 1.
  static WindowOperator Depthwise(const ConvShape& shape, const PlaneGeometry& input,
                                  const PlaneGeometry& output,
                                  std::shared_ptr<const DepthwiseWeights> weights,
                                  ActivationRange range, const InstructionSet& isa, int threads);

  // Maximum pooling, of a few pixels (a PoolOperator takes more). What lies outside the image counts
  // as zero.
  static WindowOperator MaxPool(const ConvShape& shape, const PlaneGeometry& input,
                                const PlaneGeometry& output, ActivationRange range,
                                const InstructionSet& isa, int threads);

  // Average pooling, likewise. What lies outside counts as zero, or, as is usual, not at all.
  static WindowOperator AveragePool(const ConvShape& shape, const PlaneGeometry& input,
                                    const PlaneGeometry& output, bool zeros_count,
                                    ActivationRange range, const InstructionSet& isa, int threads);

  // Applied to the output, behind the activation.
  void set_function(const RowFunction& function) { function_ = function; }

  // Floats of scratch memory that Run needs, 64-byte aligned.
  size_t scratch_floats() const;
  size_t prepared_bytes() const override {
    return sizeof(float) * scale_.size() + sizeof(int32_t) * taps_.size();
  }

  // All images of the batch. Allocates nothing; reentrant with different scratch memory; the result
  // does not depend on the number of threads.
  void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const;

  // Of a window that reads its input in place.
  size_t row_scratch_floats() const override { return 0; }
  void RunRows(const RowBuffers& buffers, int begin, int end) const override;

  // Part of the planes of channels [begin, end): `vectors` vectors of flat pixels from
  // `first_pixel` on, contiguous at `output`, `output_stride` floats from one channel to the next.
  // Of a window of stride 1 that reads its input in place, into an output of the same geometry.
  // `pixels` is flat pixel 0 of input plane 0.
  void RunPixels(const float* pixels, int begin, int end, int first_pixel, int vectors,
                 float* output, ptrdiff_t output_stride) const;

 private:
  WindowOperator(const ConvShape& shape, const PlaneGeometry& input, const PlaneGeometry& output,
                 ActivationRange range, WindowKernel InstructionSet::*kernel,
                 const InstructionSet& isa, int threads);
  WindowArgs ArgsOf(int begin, int end) const;
  bool IsFlat() const;
  void SetRows(WindowArgs* args) const;
  void SetExactRows(int rows, WindowArgs* args) const;
  void RunChannels(int begin, int end, const float* input, float* output, float* phases) const;
  void RunPhases(int begin, int end, const float* input, float* phases, WindowArgs args) const;

  ConvShape shape_;
  PlaneGeometry input_;
  PlaneGeometry output_;
  ActivationRange range_;
  WindowKernel kernel_;
  int vector_width_;
  int threads_;
  RowFunction function_;
  bool in_place_;       // the window reads the input planes themselves, by their halo
  PhasePlanes phases_;  // of one channel, where it does not
  std::vector<int32_t> taps_;
  std::shared_ptr<const DepthwiseWeights> weights_;  // null for pooling
  std::vector<float> scale_;  // of the flat pixels of the whole output; empty but for an average
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_WINDOW_OPERATOR_H_
