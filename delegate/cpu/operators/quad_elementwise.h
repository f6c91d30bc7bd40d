// SPDX-License-Identifier: Apache-2.0
// Sums, differences and products of int8 tensors in planes of quads, with the default interpreter's
// arithmetic, which is XNNPACK's:
//
//   a sum       (a * ma + b * mb + constants) >> shift, where the larger of the multipliers ma and mb,
//               which stand for the scales' ratios, has 21 bits; ties round up
//   a product   (a - zero point) * (b - zero point) * scale: on Arm in fixed point, where ties round up,
//               elsewhere in float32, where they round to even
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_ELEMENTWISE_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/cpu/operators/quad_layout.h"

namespace ubp {

enum class QuadFunction { kAdd, kSubtract, kReverseSubtract, kMultiply };  // b - a: reverse

// The constants of a sum or difference of stored bytes, and what limits it.
QuadSum MakeQuadSum(QuadFunction function, const QuadOperands& operands,
                    const Int8Kernels& kernels);
ProductScale MakeProductScale(float scale);
// As the kernels of this processor scale it.
int64_t ScaledProduct(int64_t product, const ProductScale& scale);
Requantization RequantizationOf(const QuadOperands& operands, const Int8Kernels& kernels);

class QuadElementwise {
 public:
  // Of tensors [batch, height, width, channels], which may have different halos.
  QuadElementwise(QuadFunction function, const QuadOperands& operands, const PlaneGeometry& a,
                  const PlaneGeometry& b, const PlaneGeometry& output, int batch, int channels,
                  const Int8Kernels& kernels);
  // Of a tensor and a vector: b is [vector_batch, channels], with vector_batch 1 or that of the tensor.
  // Its numbers hold for all pixels of a channel.
  QuadElementwise(QuadFunction function, const QuadOperands& operands, const PlaneGeometry& a,
                  int vector_batch, const PlaneGeometry& output, int batch, int channels,
                  const Int8Kernels& kernels);

  // Elements of scratch memory that RunVector needs.
  size_t scratch_floats() const;

  // Both allocate nothing; reentrant with different scratch memory. The output may be an input of the
  // same geometry.
  void Run(const float* a, const float* b, float* output, ThreadPool* pool) const;
  // `b` is NHWC, plain int8.
  void RunVector(const float* a, const int8_t* b, float* output, float* scratch,
                 ThreadPool* pool) const;

 private:
  void SetFunction(QuadFunction function, const QuadOperands& operands);
  void SetRows(const PlaneGeometry& a, const PlaneGeometry& b, const PlaneGeometry& output);
  void RunPlanes(const QuadBinaryArgs& whole, int64_t b_planes, ThreadPool* pool) const;

  int batch_;
  int channels_;
  int vector_batch_ = 0;  // of a vector
  const Int8Kernels& kernels_;
  QuadBinaryKernel kernel_ = nullptr;
  PlaneGeometry output_;  // its mask
  QuadBinaryArgs args_{};
  int64_t a_lead_ = 0, b_lead_ = 0;
  int planes_per_job_ = 1;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_ELEMENTWISE_H_
