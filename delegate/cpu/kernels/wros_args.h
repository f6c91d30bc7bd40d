// SPDX-License-Identifier: Apache-2.0
// What a WROS kernel is given: one tile of pixels, a range of output channels, the layer's prepared
// weights.
//
// Plain data, without standard-library types: this header is compiled once per instruction set (see
// simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_WROS_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_WROS_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// What kernels may read beyond the offset of the last block. Beyond its values they read as much as
// kValuesBeyond (delegate/weights/weights.h) allows.
inline constexpr int kOffsetsBeyond = 16;

// One tile of pixels, a range of output channels, and the prepared weights of the layer as seen
// from the first start channel that the kernel visits: channel_begin - N + 1, or 0. The N - 1 start
// channels before a range reach into it, and are run without storing (warm-up).
struct WrosArgs {
  const float* input;  // lane rows: pixels of the tile, contiguous; a kernel reads whole vectors
  float* output;  // row of channel channel_begin: pixels of the tile; a kernel writes whole vectors
  ptrdiff_t output_stride;    // floats between the rows of two channels
  const float* residual;      // added to the result before it is clamped: as `output`, or null
  ptrdiff_t residual_stride;  // floats between the rows of two channels
  // All bits set for the pixels that exist, none for the others, which are stored as zero;
  // [pixels of the tile, whole vectors].
  const uint32_t* mask;
  // [channels from the first start]: blocks that start at each; 0 beyond the last possible start.
  const int32_t* counts;
  // [blocks]: bytes from `input` to the block's lane row; kOffsetsBeyond more are readable, and such
  // that a row there could be read.
  const int32_t* offsets;
  // [blocks * N], rotated: the weight of channel c at position c mod N; kValuesBeyond more are
  // readable.
  const float* values;
  const float* bias;  // of channel channel_begin; readable up to 2N - 1 floats beyond channel_end
  int channel_begin;  // a multiple of N
  int channel_end;
  float min;  // of the fused activation; -infinity and +infinity for none
  float max;
};

// Computes output[c][p] = clamp(bias[c] + sum over blocks of value * input[lane][p] +
// residual[c][p]) for the channels of the range and the pixels of the tile. Contributions to a
// channel are added in the order of the blocks, whatever the range and the tile: results do not
// depend on how a layer is divided. Reentrant.
using WrosKernel = void (*)(const WrosArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_WROS_ARGS_H_
