// SPDX-License-Identifier: Apache-2.0
// Maximum and average pooling, channel-major in and out: at a cost per pixel that hardly depends on
// the window (pool.h). Reads the pixels of the image only, none of the zeros around it.
#ifndef UBP_DELEGATE_CPU_OPERATORS_POOL_OPERATOR_H_
#define UBP_DELEGATE_CPU_OPERATORS_POOL_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/cpu/operators/row_function.h"
#include "delegate/cpu/operators/row_operator.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/graph/ops.h"

namespace ubp {

struct PoolOptions {
  PoolKind kind = PoolKind::kMax;
  // What lies outside the image counts as zero, or, as is usual, not at all.
  bool zeros_count = false;
  ActivationRange range{};
  RowFunction function{};  // applied to the output, behind the activation
};

class PoolOperator : public RowOperator {
 public:
  // `shape` has as many in as out channels. Heights in the geometries do not count for RunRows: they
  // may be those of windows.
  PoolOperator(const ConvShape& shape, const PlaneGeometry& input, const PlaneGeometry& output,
               const PoolOptions& options, const InstructionSet& isa, int threads);

  // Floats of scratch memory that Run needs, 64-byte aligned.
  size_t scratch_floats() const { return row_scratch_floats() * threads_; }
  size_t prepared_bytes() const override { return sizeof(float) * scale_.size(); }

  // All images of the batch. Allocates nothing; reentrant with different scratch memory; the result
  // does not depend on the number of threads.
  void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const;

  size_t row_scratch_floats() const override;
  void RunRows(const RowBuffers& buffers, int begin, int end) const override;

 private:
  void SetWindow();
  void SetBlocks();
  size_t reduced_floats() const;
  PoolArgs ArgsFor(float* scratch) const;
  void RunChannels(const PoolArgs& args, int first, int pixels) const;

  ConvShape shape_;
  PlaneGeometry input_;
  PlaneGeometry output_;
  PoolOptions options_;
  PoolKernel kernel_;
  int vector_width_;
  int threads_;
  PoolArgs window_{};         // what is the same for all calls
  std::vector<float> scale_;  // of the flat pixels of the whole output; empty but for an average
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_POOL_OPERATOR_H_
