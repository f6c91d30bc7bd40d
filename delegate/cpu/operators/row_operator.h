// SPDX-License-Identifier: Apache-2.0
// An operator that can compute some rows of its output at a time: what strips are made of.
#ifndef UBP_DELEGATE_CPU_OPERATORS_ROW_OPERATOR_H_
#define UBP_DELEGATE_CPU_OPERATORS_ROW_OPERATOR_H_

#include <cstddef>

namespace ubp {

// One image of a tensor, or a buffer of some of its rows: row `first_row` of the image is row 0 of the
// memory. Channel-major, or NHWC for the input of an operator that reads images.
template <class Float>
struct ImageRows {
  Float* data = nullptr;
  int first_row = 0;  // negative where the buffer begins with rows of padding
};

struct RowBuffers {
  ImageRows<const float> input;
  ImageRows<const float> residual;  // added before the activation; or null
  ImageRows<float> output;
  float* scratch = nullptr;  // 64-byte aligned; its contents need not outlive the call
};

class RowOperator {
 public:
  virtual ~RowOperator() = default;

  // Floats of scratch memory that RunRows needs for as many rows as it was prepared for.
  virtual size_t row_scratch_floats() const = 0;
  // Memory held for this shape, beside packed weights and scratch.
  virtual size_t prepared_bytes() const = 0;

  // Computes the output rows [begin, end) of one image. The input buffer holds all rows that they
  // read, rows of zeros for those beyond the image included. Writes the pixels of these rows, zeros
  // into the junk between them, and nothing else: several threads may run on rows of one tensor.
  // Allocates nothing; reentrant with different scratch memory. The result does not depend on how
  // rows are divided. The output is at least kMinRowWidth wide.
  virtual void RunRows(const RowBuffers& buffers, int begin, int end) const = 0;
};

// Floats of the widest vector of any kernel: rows that are narrower cannot be written exactly.
inline constexpr int kMinRowWidth = 16;

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_ROW_OPERATOR_H_
