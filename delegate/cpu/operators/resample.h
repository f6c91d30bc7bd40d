// SPDX-License-Identifier: Apache-2.0
// Operators that make an image larger or smaller, channel-major in and out.
//
// All Run functions allocate nothing, are reentrant, write no element but pixels and zeros behind a
// plane, and give the same for any number of threads.
#ifndef UBP_DELEGATE_CPU_OPERATORS_RESAMPLE_H_
#define UBP_DELEGATE_CPU_OPERATORS_RESAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/graph/ops.h"
#include "delegate/graph/quantization.h"

namespace ubp {

// Of one axis: output i is input `lower` times 1 - `fraction`, plus input `upper` times `fraction`;
// for nearest neighbours it is input `lower`, and there is no upper and no fraction.
struct AxisSamples {
  std::vector<int32_t> lower;
  std::vector<int32_t> upper;
  std::vector<float> fraction;

  size_t bytes() const {
    return sizeof(int32_t) * (lower.size() + upper.size()) + sizeof(float) * fraction.size();
  }
};

// As TensorFlow Lite has it: in float32, but for nearest neighbours of int8 that lie at the corners of
// pixels, which it counts in fixed point.
AxisSamples SampleAxis(const ResizeOp& resize, ElementType elements, int in_size, int out_size);

class ResizePlanes {
 public:
  // Of int8, `input` has planes of quads, and the neighbours are nearest ones.
  ResizePlanes(const ResizeOp& resize, ElementType elements, const PlaneTensor& input,
               const PlaneGeometry& output, const InstructionSet& isa);

  size_t prepared_bytes() const {
    return rows_.bytes() + columns_.bytes() + sizeof(int32_t) * (first_.size() + mask_.size());
  }
  void Run(const float* input, float* output, ThreadPool* pool) const;

 private:
  void FindVectors();
  void RunBilinear(const float* from, float* to) const;
  void RunNearest(const float* from, float* to) const;

  ResizeKind kind_;
  PlaneTensor input_;
  PlaneGeometry output_;
  int vector_width_;
  ResizeKernel kernel_;
  AxisSamples rows_;
  // If bilinear, in whole vectors; counted from first_, where that is not -1.
  AxisSamples columns_;
  std::vector<int32_t> first_;  // as the kernel has it
  std::vector<uint32_t> mask_;  // likewise
};

// DepthToSpaceOp; `output` is the larger image.
class DepthToSpacePlanes {
 public:
  DepthToSpacePlanes(const DepthToSpaceOp& op, const PlaneGeometry& input,
                     const PlaneTensor& output)
      : op_(op), input_(input), output_(output) {}

  size_t prepared_bytes() const { return 0; }
  void Run(const float* input, float* output, ThreadPool* pool) const;

 private:
  void RunPhase(int y, int x, const float* from, float* to) const;

  DepthToSpaceOp op_;
  PlaneGeometry input_;
  PlaneTensor output_;
};

// SpaceToDepthOp; `input` is the larger image.
class SpaceToDepthPlanes {
 public:
  SpaceToDepthPlanes(int block, const PlaneTensor& input, const PlaneGeometry& output)
      : block_(block), input_(input), output_(output) {}

  size_t prepared_bytes() const { return 0; }
  void Run(const float* input, float* output, ThreadPool* pool) const;

 private:
  int block_;
  PlaneTensor input_;
  PlaneGeometry output_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_RESAMPLE_H_
