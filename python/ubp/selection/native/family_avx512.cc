// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX-512F.

#include "python/ubp/selection/native/family.h"

namespace ubp {
namespace selection {
namespace {

bool Supported() { return __builtin_cpu_supports("avx512f"); }

}  // namespace

const Kernels kAvx512Kernels = MakeKernels<16>("avx512", &Supported);

}  // namespace selection
}  // namespace ubp
