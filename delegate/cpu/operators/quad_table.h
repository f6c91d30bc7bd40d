// SPDX-License-Identifier: Apache-2.0
// An int8 operator of one tensor, in either form: each value becomes another one.
#ifndef UBP_DELEGATE_CPU_OPERATORS_QUAD_TABLE_H_
#define UBP_DELEGATE_CPU_OPERATORS_QUAD_TABLE_H_

#include <array>
#include <cstdint>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/operators/int8_tables.h"
#include "delegate/cpu/operators/plane_operators.h"

namespace ubp {

class QuadTable {
 public:
  // Of planes of quads, whose values are stored with `flip`; and with 0 of images.
  QuadTable(const Int8Table& table, uint8_t flip);

  // Both allocate nothing, and may write where they read.
  // Of the pixels of a tensor in planes of quads, which are as many as `tensor` has channels.
  void RunPlanes(const PlaneTensor& tensor, const float* input, const PlaneGeometry& output,
                 float* result, ThreadPool* pool) const;
  // Of `count` values side by side.
  void RunValues(int64_t count, const float* input, float* result, ThreadPool* pool) const;

 private:
  void Run(const uint8_t* from, int64_t count, uint8_t* to) const;

  std::array<uint8_t, 256> table_;  // by the byte as it is stored
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_QUAD_TABLE_H_
