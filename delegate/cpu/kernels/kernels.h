// The list of all WROS kernels: selection at run time, tests and benchmarks iterate over it.
#ifndef UBP_DELEGATE_CPU_KERNELS_KERNELS_H_
#define UBP_DELEGATE_CPU_KERNELS_KERNELS_H_

#include <vector>

#include "delegate/cpu/kernels/dot_args.h"
#include "delegate/cpu/kernels/elementwise_args.h"
#include "delegate/cpu/kernels/pool_args.h"
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

// The kernels for one block size N. tile[v - 1] computes v vectors of pixels, v = 1 .. max_vectors,
// limited by the registers of the instruction set; pixel computes a single pixel.
struct BlockKernels {
  int block_size;
  int max_vectors;
  WrosKernel tile[kMaxVectors];
  WrosKernel pixel;
};

// The kernels of one instruction set, in the order of increasing block size. Every instruction set has block
// size 1; layers with larger blocks than it has are run with their blocks cut in halves.
struct InstructionSet {
  const char* name;     // what the delegate option `kernel` calls it
  int vector_width;     // floats per vector
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
  const ElementwiseKernel* elementwise;  // by Elementwise

  // The kernels for the largest block size up to `block_size`.
  const BlockKernels& KernelsFor(int block_size) const;
  ElementwiseKernel KernelFor(Elementwise function) const;
};

// All instruction sets compiled in, fastest first; the last one, "portable", runs everywhere.
const std::vector<const InstructionSet*>& AllInstructionSets();

// The fastest instruction set the processor supports.
const InstructionSet& BestInstructionSet();

// The instruction set of that name, or null if there is none or the processor does not support it.
const InstructionSet* FindInstructionSet(const char* name);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_KERNELS_H_
