// SPDX-License-Identifier: Apache-2.0
// The most multiply-adds that a core can do: a loop of independent ones that stays in registers.
// Kernels are measured against it.
#ifndef UBP_DELEGATE_BENCH_FMA_LOOP_H_
#define UBP_DELEGATE_BENCH_FMA_LOOP_H_

#include <cstdint>

namespace ubp {

// One loop per instruction set, with the vectors and the flags of that instruction set. Reentrant.
struct FmaLoop {
  int multiply_adds;  // of floats, per iteration
  // Returns what it computed, to be used somewhere: else the compiler may leave the loop out.
  float (*run)(int64_t iterations);
};

// The loop for the instruction set of that name; null if there is none.
const FmaLoop* FindFmaLoop(const char* isa);

}  // namespace ubp

#endif  // UBP_DELEGATE_BENCH_FMA_LOOP_H_
