// SPDX-License-Identifier: Apache-2.0
// Kernels for 64-bit Arm cores that execute in order: the loops over blocks are pipelined
// (pipelined_rows.h), and the rest is compiled for such cores.

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/dot.h"
#include "delegate/cpu/kernels/elementwise_kernels.h"
#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/cpu/kernels/neon.h"
#include "delegate/cpu/kernels/normalize.h"
#include "delegate/cpu/kernels/pool.h"
#include "delegate/cpu/kernels/rearrange.h"
#include "delegate/cpu/kernels/resize.h"
#include "delegate/cpu/kernels/window.h"
#include "delegate/cpu/kernels/wros_instantiate.h"

namespace ubp {
namespace {

struct NeonInOrder : Neon {
  static constexpr bool kPipelined = true;

  // See pipelined_rows.h.
  template <int J>
  static UBP_ALWAYS_INLINE Vec MultiplyAddLane(Vec x, Vec weights, Vec acc) {
    asm volatile("fmla %0.4s, %1.4s, %2.s[%3]" : "+w"(acc) : "w"(x), "w"(weights), "i"(J));
    return acc;
  }
  static UBP_ALWAYS_INLINE Vec LoadInOrder(const float* p) { return LoadPart<4>(p); }
  template <int Size>
  static UBP_ALWAYS_INLINE Vec LoadPart(const float* p) {
    const auto& floats = *reinterpret_cast<const float(*)[Size]>(p);
    Vec v;
    if constexpr (Size == 1) asm volatile("ldr %s0, %1" : "=w"(v) : "m"(floats));
    if constexpr (Size == 2) asm volatile("ldr %d0, %1" : "=w"(v) : "m"(floats));
    if constexpr (Size == 4) asm volatile("ldr %q0, %1" : "=w"(v) : "m"(floats));
    return v;
  }
  static UBP_ALWAYS_INLINE ptrdiff_t LoadOffset(const int32_t* p) {
    ptrdiff_t offset;
    asm volatile("ldrsw %0, %1" : "=r"(offset) : "m"(*p));
    return offset;
  }
};

bool Supported() { return true; }

constexpr BlockKernels kKernels[] = {
    Kernels<NeonInOrder, 1, 6>(),
    Kernels<NeonInOrder, 2, 6>(),
    Kernels<NeonInOrder, 4, 6>(),
    Kernels<NeonInOrder, 8, 3>(),
};

}  // namespace

const InstructionSet kNeonInOrder = {"neon_in_order",
                                     NeonInOrder::kWidth,
                                     nullptr,
                                     &Supported,
                                     kKernels,
                                     4,
                                     4,
                                     &Window<NeonInOrder>::Sum,
                                     &Window<NeonInOrder>::Max,
                                     &Window<NeonInOrder>::Average,
                                     &Pool<NeonInOrder>::Max,
                                     &Pool<NeonInOrder>::Average,
                                     &Dot<NeonInOrder>::Run,
                                     &Rearrange<NeonInOrder::kWidth>::Transpose,
                                     &Rearrange<NeonInOrder::kWidth>::EveryOther,
                                     &Resize<NeonInOrder>::Plane,
                                     &Normalize<NeonInOrder>::Planes,
                                     &Normalize<NeonInOrder>::Rows,
                                     ElementwiseKernels<NeonInOrder>::kAll};

}  // namespace ubp
