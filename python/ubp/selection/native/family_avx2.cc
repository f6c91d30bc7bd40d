// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX2.

#include "python/ubp/selection/native/family.h"

namespace ubp {
namespace selection {
namespace {

bool Supported() { return __builtin_cpu_supports("avx2"); }

}  // namespace

const Kernels kAvx2Kernels = MakeKernels<8>("avx2", &Supported);

}  // namespace selection
}  // namespace ubp
