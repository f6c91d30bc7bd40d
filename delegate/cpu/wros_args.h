// What a WROS kernel is given: one tile of pixels, a range of output channels, the layer's prepared
// weights.
//
// Plain data, without standard-library types: this header is compiled once per instruction set (see
// wros.h).
#ifndef UBP_DELEGATE_CPU_WROS_ARGS_H_
#define UBP_DELEGATE_CPU_WROS_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// The prepared weights of a layer, seen from the first start channel a kernel visits.
//   counts  [channel_end - first_start]  blocks that start at each channel; 0 beyond the last
//   possible start offsets [blocks]                     byte offset of the block's lane row from
//   WrosArgs::input values  [blocks * N]                 rotated: the weight of channel c at
//   position c mod N
// first_start is channel_begin - N + 1, or channel_begin when that is 0: the N - 1 start channels
// before a range reach into it, and are run without storing (warm-up).
struct WrosArgs {
  const float* input;  // lane rows: pixels of the tile, contiguous; a kernel reads whole vectors
  float* output;  // row of channel channel_begin: pixels of the tile; a kernel writes whole vectors
  ptrdiff_t output_stride;  // floats between the rows of two channels
  const int32_t* counts;
  const int32_t* offsets;
  const float* values;
  const float* bias;  // of channel channel_begin; readable up to 2N - 1 floats beyond channel_end
  int channel_begin;  // a multiple of N
  int channel_end;
  float min;  // of the fused activation; -infinity and +infinity for none
  float max;
};

// Computes output[c][p] = clamp(bias[c] + sum over blocks of value * input[lane][p]) for the
// channels of the range and the pixels of the tile. Contributions to a channel are added in the
// order of the blocks, whatever the range and the tile: results do not depend on how a layer is
// divided. Reentrant.
using WrosKernel = void (*)(const WrosArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_WROS_ARGS_H_
