// SPDX-License-Identifier: Apache-2.0
// Kernels for any processor: vectors of 4, whatever the compiler makes of them.

#include "python/ubp/selection/native/family.h"

namespace ubp {
namespace selection {
namespace {

bool Supported() { return true; }

}  // namespace

const Kernels kPortableKernels = MakeKernels<4>("portable", &Supported);

}  // namespace selection
}  // namespace ubp
