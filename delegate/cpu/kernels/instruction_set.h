// SPDX-License-Identifier: Apache-2.0
// The kernels of one instruction set. Read by code that is compiled for it, so that nothing here has
// code of its own (simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SET_H_
#define UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SET_H_

#include "delegate/cpu/kernels/dot_args.h"
#include "delegate/cpu/kernels/elementwise_args.h"
#include "delegate/cpu/kernels/normalize_args.h"
#include "delegate/cpu/kernels/pool_args.h"
#include "delegate/cpu/kernels/rearrange_args.h"
#include "delegate/cpu/kernels/resize_args.h"
#include "delegate/cpu/kernels/window_args.h"
#include "delegate/cpu/kernels/wros_args.h"

namespace ubp {

// Most vectors of pixels in the tile of any kernel.
inline constexpr int kMaxVectors = 6;
// Most pixels in a tile.
inline constexpr int kMaxTilePixels = kMaxVectors * 16;

// Of kScale and kLeakyRelu: the function that has a number in b and c for each value, in place of s
// and t.
Elementwise ByValue(Elementwise function);
// Whether it is zero where all its tensors are: planes then stay zero where there are no pixels.
bool KeepsZero(Elementwise function);

// The kernels for one block size N. tile[v - 1] computes v vectors of pixels, v = 1 .. max_vectors,
// limited by the registers of the instruction set; pixel computes a single pixel.
struct BlockKernels {
  int block_size;
  int max_vectors;
  WrosKernel tile[kMaxVectors];
  WrosKernel pixel;
};

// The kernels of one instruction set, in the order of increasing block size. All have block size 1;
// layers with larger blocks than there are kernels for are run with their blocks cut in halves.
struct InstructionSet {
  const char* name;  // what the delegate option `kernel` calls it
  int vector_width;  // floats per vector
  // With vectors of half the width, for the same processors; null where there are none.
  const InstructionSet* narrower;
  bool (*supported)();  // by the processor at hand
  const BlockKernels* kernels;
  int num_kernels;
  int dense_block_size;  // that dense layers are best cut into
  WindowKernel window_sum;
  WindowKernel window_max;
  WindowKernel window_average;
  PoolKernel pool_max;
  PoolKernel pool_average;
  DotKernel dot;
  TransposeKernel transpose;
  EveryOtherKernel every_other;
  ResizeKernel resize_plane;
  NormalizeKernel normalize_planes;
  NormalizeKernel normalize_rows;
  const ElementwiseKernel* elementwise;  // by Elementwise

  // The kernels for the largest block size up to `block_size`.
  const BlockKernels& KernelsFor(int block_size) const;
  ElementwiseKernel KernelFor(Elementwise function) const;
};

// Those that may be compiled in; each is defined in its own translation unit with its own compiler
// flags.
#if defined(__x86_64__)
extern const InstructionSet kAvx512;
extern const InstructionSet kAvx2;
#elif defined(__aarch64__)
extern const InstructionSet kNeon;
extern const InstructionSet kNeonInOrder;
#elif defined(__ARM_ARCH_7A__)
extern const InstructionSet kNeonArmv7;
#endif
extern const InstructionSet kPortable;

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SET_H_
