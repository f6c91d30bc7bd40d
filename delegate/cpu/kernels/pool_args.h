// SPDX-License-Identifier: Apache-2.0
// What a pooling kernel is given: planes of channels, the window, and which rows to compute.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_POOL_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_POOL_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// Rows of several channels are computed together, as *reduced rows*: one for each channel and output
// row, in which the window's rows have become one. A reduced row holds the columns from the first
// that a window reads on, those beside the image included, `reduced_pitch` floats from one to the
// next: what is beside the image on the right may be what is left of it in the next row.
struct PoolArgs {
  const float* input;  // of channel 0, pixel (0, 0) of the image; may itself lie outside memory
  float* output;       // of channel 0, pixel (first_row, 0)
  const uint32_t*
      mask;            // of that pixel: as WrosArgs::mask, never null, with the pitch of the output
  const float* scale;  // of that pixel, with the pitch of the output; read by an average
  int channels;
  ptrdiff_t input_plane;   // floats from one channel to the next
  ptrdiff_t output_plane;  // likewise
  ptrdiff_t input_pitch;   // floats from one row to the next
  ptrdiff_t output_pitch;  // likewise
  int height;              // of the image
  int columns;             // of the image that windows read, from the first on
  int kernel_h, kernel_w;
  int stride_h, stride_w;
  int pad_top, pad_left;
  bool zeros_count;  // the padding is zero; else it does not count, which to a sum is the same
  int width;         // of the output
  int first_row, end_row;  // of the output: what is computed
  // Nothing is written behind a row, which is at least a vector wide. Otherwise a row may be written
  // beyond its pixels: the next one overwrites that, or the mask makes it zero.
  bool exact;
  float min;  // of the fused activation
  float max;

  // How it is computed.
  int reduced_pitch;
  int beyond;           // floats behind the last row that its windows reach
  int halvings;         // 2^halvings divides kernel_w, stride_w and reduced_pitch
  bool by_blocks;       // windows' rows are reduced by way of blocks of kernel_h rows
  bool flat;            // strides are 1 and all pitches equal: rows side by side are one
  int block_channels;   // whose reduced rows are computed at a time
  int block_rows;       // of each channel, likewise
  float* reduced;       // [block_channels * block_rows * reduced_pitch + beyond + kernel_w
                        // + kPoolSlack]
  float* combined;      // as many
  float* block_suffix;  // [min(kernel_h, height), kPoolVectors vectors]; for by_blocks
};

// Vectors of columns that are reduced at a time, and floats that kernels touch behind their rows.
inline constexpr int kPoolVectors = 4;
inline constexpr int kPoolSlack = 64;

// For each channel, output[y][x] is zero where the mask is, else
//   maximum   clamp(maximum of the window); NaN does not count, nor what is less than any float
//   average   clamp(scale[y][x] * sum of the window)
using PoolKernel = void (*)(const PoolArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_POOL_ARGS_H_
