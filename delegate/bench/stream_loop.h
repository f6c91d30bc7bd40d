// SPDX-License-Identifier: Apache-2.0
// The most bytes that a core can move: loops over memory that do nothing else. What steps of a plan
// read and write is measured against them.
#ifndef UBP_DELEGATE_BENCH_STREAM_LOOP_H_
#define UBP_DELEGATE_BENCH_STREAM_LOOP_H_

#include <cstddef>

namespace ubp {

// Floats that the loops move at a time: the memory is a multiple of it, aligned to a cache line.
inline constexpr size_t kStreamUnit = 128;

// One set of loops per instruction set, with its vectors. Reentrant.
struct StreamLoops {
  // The sum of all values.
  float (*load)(const float* from, size_t floats);
  void (*store)(float* to, size_t floats, float value);
  void (*copy)(const float* from, float* to, size_t floats);
};

// The loops for the instruction set of that name; null if there are none.
const StreamLoops* FindStreamLoops(const char* isa);

}  // namespace ubp

#endif  // UBP_DELEGATE_BENCH_STREAM_LOOP_H_
