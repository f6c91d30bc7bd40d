// SPDX-License-Identifier: Apache-2.0
// Builds the kernel family of one instruction set; only translation units compiled for it include
// this.
#ifndef UBP_SELECTION_NATIVE_FAMILY_H_
#define UBP_SELECTION_NATIVE_FAMILY_H_

#include "python/ubp/selection/native/interleave.h"
#include "python/ubp/selection/native/kernels.h"
#include "python/ubp/selection/native/quantise.h"
#include "python/ubp/selection/native/sweep.h"

namespace ubp {
namespace selection {
namespace {

// Vectors of `Width` lanes of 32 bits.
template <int Width>
constexpr Kernels MakeKernels(const char* name, bool (*supported)()) {
  using V = Vectors<Width>;
  return {name,
          Width,
          supported,
          &Importance<float, 4 * Width>::Peak,
          &Importance<double, 4 * Width>::Peak,
          &Importance<float, 4 * Width>::Quantise,
          &Importance<double, 4 * Width>::Quantise,
          &Interleave<V>::Run,
          {&Sweep<V, 1>::Run, &Sweep<V, 2>::Run},
          &Trace<V>::Run};
}

}  // namespace
}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_FAMILY_H_
