// SPDX-License-Identifier: Apache-2.0
// Compiled once per instruction set, with
//   UBP_FMA_LOOP   the name of the loop defined here
//   UBP_FMA_WIDTH  floats per vector
//   UBP_FMA_SUMS   independent sums: at least latency times throughput of the multiply-add, so that
//                  none waits for the one before; two registers fewer than there are, at most

#include "delegate/bench/fma_loop.h"

#include <utility>

namespace ubp {
namespace {

typedef float Vec __attribute__((vector_size(UBP_FMA_WIDTH * sizeof(float))));

template <int... I>
float Run(int64_t iterations, std::integer_sequence<int, I...>) {
  volatile const float unknown = 0.5f;  // to the compiler; the sums tend to 1, far from infinity
  const Vec x = Vec{} + unknown;
  Vec sums[] = {(Vec{} + static_cast<float>(I))...};
  for (int64_t i = 0; i < iterations; ++i) ((sums[I] = sums[I] * x + x), ...);
  return (sums[I][0] + ...);
}

float RunAll(int64_t iterations) {
  return Run(iterations, std::make_integer_sequence<int, UBP_FMA_SUMS>());
}

}  // namespace

extern const FmaLoop UBP_FMA_LOOP;
const FmaLoop UBP_FMA_LOOP = {UBP_FMA_WIDTH * UBP_FMA_SUMS, &RunAll};

}  // namespace ubp
