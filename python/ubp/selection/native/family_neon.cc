// SPDX-License-Identifier: Apache-2.0
// Kernels for NEON.

#include "python/ubp/selection/native/family.h"

namespace ubp {
namespace selection {
namespace {

bool Supported() { return true; }

}  // namespace

const Kernels kNeonKernels = MakeKernels<4>("neon", &Supported);

}  // namespace selection
}  // namespace ubp
