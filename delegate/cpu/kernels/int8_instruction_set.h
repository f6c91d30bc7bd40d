// SPDX-License-Identifier: Apache-2.0
// The int8 kernels of one instruction set. Read by code that is compiled for it, so that nothing here
// has code of its own (simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_INSTRUCTION_SET_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_INSTRUCTION_SET_H_

#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/cpu/kernels/int8_args.h"

namespace ubp {

// The kernels for blocks of one size. tile[v - 1] computes v vectors of pixels, v = 1 .. max_vectors;
// pixel computes a single pixel.
struct QuadBlockKernels {
  int block_size;
  int max_vectors;
  QuadConvKernel tile[kMaxVectors];
  QuadPixelKernel pixel;
};

// Of block sizes 1, 2, 4 and 8.
inline constexpr int kNumQuadBlockSizes = 4;

struct Int8Kernels {
  const char* name;
  int vector_width;     // pixels per vector
  uint8_t flip;         // of stored bytes: 0x80 for unsigned ones, 0 for signed ones
  bool (*supported)();  // by the processor at hand
  QuadBlockKernels convolution[kNumQuadBlockSizes];
  QuadDepthwiseKernel depthwise;
  QuadBinaryKernel add;
  QuadBinaryKernel multiply;
  QuadPoolKernel pool_max;
  QuadPoolKernel pool_average;
  QuadSumKernel sum_planes;
  QuadResizeKernel resize;

  // The kernels for a block size of 1, 2, 4 or 8.
  const QuadBlockKernels& KernelsFor(int block_size) const;
};

// Those that may be compiled in; each is defined in its own translation unit with its own compiler
// flags.
#if defined(__x86_64__)
extern const Int8Kernels kInt8Avx512Vnni;
extern const Int8Kernels kInt8AvxVnni;
#elif defined(__aarch64__)
extern const Int8Kernels kInt8NeonDot;
#endif
extern const Int8Kernels kInt8Portable;

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_INSTRUCTION_SET_H_
