// SPDX-License-Identifier: Apache-2.0
// Kernels for 64-bit Arm processors that execute out of order.

#include "delegate/cpu/kernels/neon.h"

#include "delegate/cpu/kernels/dot.h"
#include "delegate/cpu/kernels/elementwise_kernels.h"
#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/cpu/kernels/normalize.h"
#include "delegate/cpu/kernels/pool.h"
#include "delegate/cpu/kernels/rearrange.h"
#include "delegate/cpu/kernels/resize.h"
#include "delegate/cpu/kernels/window.h"
#include "delegate/cpu/kernels/wros_instantiate.h"

namespace ubp {
namespace {

bool Supported() { return true; }

constexpr BlockKernels kKernels[] = {
    Kernels<Neon, 1, 6>(),
    Kernels<Neon, 2, 6>(),
    Kernels<Neon, 4, 6>(),
    Kernels<Neon, 8, 3>(),
};

}  // namespace

const InstructionSet kNeon = {"neon",
                              Neon::kWidth,
                              nullptr,
                              &Supported,
                              kKernels,
                              4,
                              4,
                              &Window<Neon>::Sum,
                              &Window<Neon>::Max,
                              &Window<Neon>::Average,
                              &Pool<Neon>::Max,
                              &Pool<Neon>::Average,
                              &Dot<Neon>::Run,
                              &Rearrange<Neon::kWidth>::Transpose,
                              &Rearrange<Neon::kWidth>::EveryOther,
                              &Resize<Neon>::Plane,
                              &Normalize<Neon>::Planes,
                              &Normalize<Neon>::Rows,
                              ElementwiseKernels<Neon>::kAll};

}  // namespace ubp
