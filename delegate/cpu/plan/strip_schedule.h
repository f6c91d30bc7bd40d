// SPDX-License-Identifier: Apache-2.0
// The order in which a group of operators computes its result strip by strip.
//
// A strip is a number of rows of the group's last tensor. For each, every operator computes just
// the rows that are needed now and were not before. The tensors between the operators lie in
// *row buffers*: memory for a few rows that moves down the image. When one is full, the rows that
// are still needed move to its top.
//
//   rows of the image:    0 1 2 3 4 5 6 7 8 ..
//   row buffer before:        [2 3 4 5 6]        needed from row 5 on, row 7 and 8 wanted
//   kMove rows 5 to 7:              [5 6 . . .]
//   kRun rows 7 to 9:               [5 6 7 8 .]
//
// So what one operator writes is in a cache close to the core when the next one reads it. A *band*
// is a range of rows that is computed on its own: rows that two bands need are computed in both.
#ifndef UBP_DELEGATE_CPU_PLAN_STRIP_SCHEDULE_H_
#define UBP_DELEGATE_CPU_PLAN_STRIP_SCHEDULE_H_

#include <vector>

#include "delegate/graph/conv_shape.h"

namespace ubp {

// An operator as far as its rows matter. Tensors are numbered within the group.
struct StripOp {
  int input = -1;
  int second = -1;  // read at the rows that are written; or -1
  int output = -1;
  ConvShape shape{};  // of the window that reads `input`
};

struct StripTensor {
  int height = 0;
  bool in_row_buffer = false;  // else it lies in memory as a whole
};

// In the order of execution. The last op's output is not in a row buffer, and is what strips are of;
// every other op writes one that only later ops of the group read.
struct StripOps {
  std::vector<StripTensor> tensors;
  std::vector<StripOp> ops;
};

enum class StripActionKind {
  kRun,   // op `index` computes rows [begin, end)
  kZero,  // rows [begin, end) of tensor `index`, which are beyond the image, become zero
  kMove   // rows [begin, end) of tensor `index` move to the top of its row buffer
};

// All rows are numbered as in the image; those above it are negative.
struct StripAction {
  StripActionKind kind;
  int index;
  int begin;
  int end;
  // First rows of the row buffers at that time; 0 of a tensor that lies as a whole.
  int input_row;   // kRun
  int second_row;  // kRun
  int output_row;  // kRun; kZero and kMove: of the tensor, before it moves
};

// The actions for rows [begin, end) of the result, in strips of `strip_rows`. `buffer_rows` by
// tensor are the sizes of the row buffers; those that do not suffice are raised.
std::vector<StripAction> ScheduleBand(const StripOps& strips, int begin, int end, int strip_rows,
                                      std::vector<int>* buffer_rows);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_STRIP_SCHEDULE_H_
