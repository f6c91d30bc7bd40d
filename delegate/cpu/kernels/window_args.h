// SPDX-License-Identifier: Apache-2.0
// What a window kernel is given: planes of channels, and the taps of the window.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_WINDOW_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_WINDOW_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// A window over rows of output pixels, each a number of whole vectors, and where `last` says so one
// more that ends with the row. Otherwise a row may be written beyond its pixels: the next one
// overwrites that, or the mask makes it zero.
struct WindowArgs {
  const float* input;    // of channel 0: what tap 0 would read for pixel 0 if its distance were 0
  float* output;         // of channel 0, pixel 0
  const uint32_t* mask;  // of pixel 0: as WrosArgs::mask, never null, with the pitch of the output
  int channels;
  ptrdiff_t input_plane;   // floats from one channel to the next
  ptrdiff_t output_plane;  // likewise
  int rows;
  int vectors;             // per row, side by side from pixel 0
  int last;                // first pixel of one vector more, may overlap them; or -1: there is none
  ptrdiff_t input_pitch;   // floats from what a row reads to what the next one reads
  ptrdiff_t output_pitch;  // floats from one row to the next
  const int32_t* taps;     // [num_taps]: floats from `input` to what the tap reads
  const float* weights;    // [channels, num_taps]; read by a weighted sum
  const float* bias;       // [channels]; read by a weighted sum
  const float* scale;      // of pixel 0, with the pitch of the output; read by an average
  int num_taps;            // at least 1
  int stride;              // 1 or 2: floats between what two neighbours read
  float min;               // of the fused activation; -infinity and +infinity for none
  float max;
};

// For each channel, with in[t] = input[y][stride * x + taps[t]], output[y][x] is zero where the mask
// is, else
//   weighted sum   clamp(bias + sum over taps of weights[t] * in[t])
//   maximum        clamp(maximum over taps of in[t]); NaN does not count, nor what is less than any
//                  float
//   average        clamp(scale[y][x] * sum over taps of in[t])
using WindowKernel = void (*)(const WindowArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_WINDOW_ARGS_H_
