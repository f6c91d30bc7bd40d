// SPDX-License-Identifier: Apache-2.0
// Elementwise operators on tensors in either form, NHWC or channel-major.
//
// All Run functions allocate nothing, are reentrant, and may have an input as output. Planes stay
// zero where there are no pixels, whatever the function makes of zero.
#ifndef UBP_DELEGATE_CPU_OPERATORS_ELEMENTWISE_H_
#define UBP_DELEGATE_CPU_OPERATORS_ELEMENTWISE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/channel_scale.h"

namespace ubp {

// The values of a tensor as rows of neighbours: each plane is one, whole cache lines long; an image,
// which has no gaps, is cut into rows of `length`, the last of which may be shorter.
class ValueRows {
 public:
  // Of a channel-major tensor that `function` makes.
  ValueRows(const PlaneTensor& tensor, Elementwise function);
  explicit ValueRows(int64_t values);
  ValueRows(int64_t values, int64_t length);

  int count() const { return count_; }
  // Rows that are worth handing to a thread.
  int per_job() const;
  // The part of `whole`, whose pointers are those of the tensors, that is row `row`.
  ElementwiseArgs Row(const ElementwiseArgs& whole, int row) const;

 private:
  int count_;
  int64_t length_;
  int64_t first_;   // floats from the start of the tensor to row 0
  int64_t stride_;  // floats from one row to the next
  int64_t end_;     // floats of the tensor
  std::shared_ptr<const std::vector<uint32_t>> mask_;  // of each plane; null where nothing needs it
};

// A function of one tensor, or of two of the same shape and form.
class ElementwiseMap {
 public:
  ElementwiseMap(Elementwise function, const ValueRows& rows, ActivationRange range,
                 const InstructionSet& isa);
  // The number s of a function that has one.
  void set_s(float s) { args_.s = s; }

  // `b` is null for a function of one tensor.
  void Run(const float* a, const float* b, float* output, ThreadPool* pool) const;

 private:
  ValueRows rows_;
  ElementwiseKernel kernel_;
  ElementwiseArgs args_;
};

// A function of a tensor and of the constant numbers s (scale) and t (offset) of each channel: kScale
// or kLeakyRelu.
class ChannelMap {
 public:
  // Of a channel-major tensor.
  ChannelMap(Elementwise function, const ChannelScale& numbers, const PlaneTensor& tensor,
             ActivationRange range, const InstructionSet& isa);
  // Of an image of `values` values.
  ChannelMap(Elementwise function, const ChannelScale& numbers, int64_t values,
             ActivationRange range, const InstructionSet& isa);

  void Run(const float* input, float* output, ThreadPool* pool) const;

 private:
  ChannelScale numbers_;  // of an image: repeated to the length of a row
  ValueRows rows_;
  ElementwiseKernel kernel_;
  ElementwiseArgs args_;
};

// A function of a channel-major tensor and of a vector [vector_batch, channels], whose numbers hold
// for all pixels of a channel. vector_batch is that of the tensor or 1.
class ElementwiseVector {
 public:
  // `function` is kAdd, kSubtract or kMultiply; `vector_first` tells the order of its operands.
  ElementwiseVector(Elementwise function, bool vector_first, const PlaneTensor& tensor,
                    int vector_batch, ActivationRange range, const InstructionSet& isa);

  void Run(const float* input, const float* vector, float* output, ThreadPool* pool) const;

 private:
  Elementwise function_;
  bool vector_first_;
  int numbers_;  // in the vector
  ValueRows rows_;
  ElementwiseKernel kernel_;
  ElementwiseArgs args_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_ELEMENTWISE_H_
