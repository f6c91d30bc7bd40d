// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/softmax.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace ubp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Added up in several chains, which the compiler can keep in one vector.
float Sum(const float* values, int count) {
  constexpr int kChains = 8;
  float sums[kChains] = {};
  int i = 0;
  for (; i + kChains <= count; i += kChains) {
    for (int chain = 0; chain < kChains; ++chain) sums[chain] += values[i + chain];
  }
  for (; i < count; ++i) sums[0] += values[i];
  float sum = 0.0f;
  for (const float partial : sums) sum += partial;
  return sum;
}

}  // namespace

void Softmax(const SoftmaxShape& shape, float beta, const float* input, float* output,
             const InstructionSet& isa, ThreadPool* pool) {
  const ElementwiseKernel exponential = isa.KernelFor(Elementwise::kExp);
  const ElementwiseKernel scale = isa.KernelFor(Elementwise::kScale);
  pool->Run(shape.rows, [&](int row, int) {
    const int64_t first = int64_t{row} * shape.classes;
    ElementwiseArgs args;
    args.a = input + first;
    args.output = output + first;
    args.count = shape.classes;
    args.min = -kInfinity;
    args.max = kInfinity;
    // The largest becomes exp(0): nothing overflows, and the sum is at least 1.
    args.s = beta;
    args.t = -*std::max_element(args.a, args.a + shape.classes);
    exponential(args);
    args.a = args.output;
    args.s = 1.0f / Sum(args.output, shape.classes);
    args.t = 0.0f;
    scale(args);
  });
}

}  // namespace ubp
