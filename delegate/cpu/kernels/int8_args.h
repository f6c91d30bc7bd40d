// SPDX-License-Identifier: Apache-2.0
// What int8 kernels are given.
//
// A tensor of int8 lies in planes of quads: 4 consecutive channels of a pixel are one element of 4
// bytes, and elements lie as the floats of a tensor in planes do. Bytes are stored as q ^ flip
// (Int8Kernels::flip): all values here, zero points and limits included, are stored bytes: 0 .. 255
// where flip is 0x80, -128 .. 127 where it is 0.
//
// Plain data, without standard-library types: compiled once per instruction set (see simd.h).
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_ARGS_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_ARGS_H_

#include <cstddef>
#include <cstdint>

namespace ubp {

// How an int32 sum becomes a byte, as the default interpreter does it:
//
//   clamp(rint(float(sum) * scale of the channel) + zero_point, min, max)     ties to even
struct Requantization {
  int zero_point;
  int min;  // of the fused activation and the type, min <= zero_point <= max
  int max;
  // All scales are less than 1, and min and max those of a byte: then saturation is all it takes.
  bool saturates;
};

// How the bytes a and b of two tensors become one of their sum:
//
//   clamp(((bias + a * a_multiplier + b * b_multiplier) >> shift) + zero_point, min, max)
//
// Multipliers have up to 22 bits with their sign, and shift is more than kLowBits: kernels may multiply
// with so many low bits of the multipliers and with the others one after the other.
inline constexpr int kLowBits = 12;
struct QuadSum {
  int32_t bias;
  int32_t a_multiplier;
  int32_t b_multiplier;
  int shift;
};

// What kernels may read beyond the offset of the last block. Beyond its values they read as much as
// kQuadValuesBeyond (delegate/weights/quad_weights.h) allows.
inline constexpr int kQuadOffsetsBeyond = 16;

// One tile of pixels, a range of output channels, and the prepared weights of the layer as seen
// from the first start channel that the kernel visits: channel_begin - N + 1, or 0. As WrosArgs,
// with quads in place of floats.
struct QuadConvArgs {
  const uint8_t* input;     // rows of quads: pixels of the tile; a kernel reads whole vectors
  uint8_t* output;          // row of the quad of channel_begin; a kernel writes whole vectors
  ptrdiff_t output_stride;  // bytes between the rows of two quads
  // All bits set for the pixels that exist, none for the others, where `junk` is stored; [pixels of
  // the tile, whole vectors].
  const uint32_t* mask;
  uint32_t junk;          // 4 bytes
  const int32_t* counts;  // [channels from the first start]: blocks that start at each
  // [blocks]: bytes from `input` to the row of the block's group; kQuadOffsetsBeyond more are readable,
  // and such that a row there could be read.
  const int32_t* offsets;
  // [blocks, N, 4], rotated: the weights of channel c at position c mod N.
  const int8_t* values;
  const int32_t*
      bias;  // of channel channel_begin; readable up to 2N - 1 elements beyond channel_end
  const float* scale;  // of channel channel_begin
  int channel_begin;   // a multiple of N and of 4
  int channel_end;     // a multiple of 4
  Requantization requantization;
  // What is added to the result, as `output`, or null. Then `sum` has the result as a and this as b;
  // `sum_requantization` and `junk` are of the sum.
  const uint8_t* residual;
  ptrdiff_t residual_stride;  // bytes between the rows of two quads
  QuadSum sum;
  Requantization sum_requantization;
};

// Computes the quads of channels [channel_begin, channel_end) for the pixels of the tile from
//
//   sum[c][p] = bias[c] + sum over blocks of the dot product of 4 weights and the group's quad at p
//
// Sums wrap around as int32. Results do not depend on how a layer is divided. Reentrant.
using QuadConvKernel = void (*)(const QuadConvArgs& args);

// The same for a single pixel. The numbers of channels need not be multiples of 4.
struct QuadPixelArgs {
  const uint8_t* input;  // [groups]: quads
  uint8_t* output;  // of channel channel_begin; up to N - 1 bytes beyond channel_end are written
  const int32_t* counts;
  const int32_t* offsets;  // [blocks]: bytes from `input` to the group's quad
  const int8_t* values;
  const int32_t* bias;
  const float* scale;
  int channel_begin;  // a multiple of N
  int channel_end;
  Requantization requantization;
};

using QuadPixelKernel = void (*)(const QuadPixelArgs& args);

// A depthwise convolution over rows of output pixels, each a number of whole vectors. A row may be
// written beyond its pixels: the next one overwrites that, or the mask puts `junk` there.
//
// The window is given as *spans*: 4 pixels side by side, of which each channel has 4 weights, some of
// them zero. So one dot product is 4 taps of one channel. A 3x3 window is 3 spans.
struct QuadDepthwiseArgs {
  const uint8_t* input;    // of quad 0: what a span at offset 0 begins with for pixel 0
  uint8_t* output;         // of quad 0, pixel 0
  const uint32_t* mask;    // of pixel 0: as QuadConvArgs::mask, with the pitch of the output
  uint32_t junk;           // 4 bytes
  int quads;               // whose planes are computed
  ptrdiff_t input_plane;   // bytes from one quad to the next
  ptrdiff_t output_plane;  // likewise
  int rows;
  int vectors;               // per row, side by side from pixel 0
  ptrdiff_t input_pitch;     // bytes from what a row reads to what the next one reads
  ptrdiff_t output_pitch;    // bytes from one row to the next
  const ptrdiff_t* offsets;  // [num_spans] bytes from `input` to the span
  int num_spans;
  const int8_t* weights;  // [quads, num_spans, 4 channels, 4 pixels]
  const int32_t* bias;    // [quads, 4]
  const float* scale;     // [quads, 4]
  int stride;             // 1 or 2: pixels between what two neighbours read
  Requantization requantization;
};

using QuadDepthwiseKernel = void (*)(const QuadDepthwiseArgs& args);

// How the product of two bytes is scaled, as XNNPACK does it: on Arm in fixed point,
//
//   (((product << left) * factor) >> 31, rounded to a multiple of 2^right, ties up) >> right
//
// and elsewhere in float32, as sums are requantized.
#if defined(__aarch64__) || defined(__arm__)
inline constexpr bool kFixedPointProducts = true;
#else
inline constexpr bool kFixedPointProducts = false;
#endif

// The same number in both forms.
struct ProductScale {
  float scale;
  int32_t factor;
  int left;
  int right;  // at least 1
};

// A function of two tensors: their sum or product, in rows as QuadDepthwiseArgs has them.
struct QuadBinaryArgs {
  // (a - a_zero_point) * (b - b_zero_point), scaled
  struct Multiply {
    int a_zero_point;
    int b_zero_point;
    ProductScale scale;
  };

  const uint8_t* a;  // of quad 0, pixel 0
  const uint8_t* b;  // likewise; or, if b_is_pixel, one quad for all pixels of each plane
  uint8_t* output;
  bool b_is_pixel;
  const uint32_t* mask;  // as QuadDepthwiseArgs::mask
  uint32_t junk;         // 4 bytes
  int quads;
  ptrdiff_t a_plane, b_plane, output_plane;  // bytes from one quad to the next
  int rows;
  int vectors;                               // per row, side by side from pixel 0
  ptrdiff_t a_pitch, b_pitch, output_pitch;  // bytes from one row to the next
  QuadSum sum;                               // of a sum
  Multiply multiply;                         // of a product
  Requantization requantization;
};

using QuadBinaryKernel = void (*)(const QuadBinaryArgs& args);

// Pooling, in rows as QuadDepthwiseArgs has them.
struct QuadPoolArgs {
  const uint8_t* input;  // of quad 0: what a tap at offset 0 reads for pixel 0
  uint8_t* output;       // of quad 0, pixel 0
  const uint32_t* mask;  // as QuadDepthwiseArgs::mask
  uint32_t junk;         // 4 bytes
  int quads;
  ptrdiff_t input_plane, output_plane;  // bytes from one quad to the next
  int rows;
  int vectors;                          // per row, side by side from pixel 0
  ptrdiff_t input_pitch, output_pitch;  // bytes from one row to the next
  const ptrdiff_t* offsets;             // [num_taps] bytes from `input`
  int num_taps;
  int stride;  // 1 or 2: pixels between what two neighbours read
  // Of a maximum: clamp(maximum of the taps), 4 bytes each.
  uint32_t min;
  uint32_t max;
  // Of an average: clamp((sum of the taps - sum_offset) / counts[pixel] + zero, least, most).
  const int32_t*
      counts;  // of pixel 0, with the pitch of the output: at least 1 where the mask is set
  int32_t sum_offset;
  int zero;
  int least;
  int most;
};

using QuadPoolKernel = void (*)(const QuadPoolArgs& args);

// A row of one plane of a bilinear resize, with weights of kBlendBits:
//
//   blended[x] = above[x] * (2^kBlendBits - share) + below[x] * share
//   output[x] = (blended[lower[x]] * rests[x] + blended[upper[x]] * shares[x]) >> 2 kBlendBits
//
// rounded, ties up. `blended` holds the four sums of pixel x of the input from element
// QuadBlendPlace(x) on, and the other tables those of pixel x of the output: lower and upper the
// places of what it blends, rests and shares numbers whose sum is 2^kBlendBits. All tables are there
// for whole vectors.
inline constexpr int kBlendBits = 11;
struct QuadResizeArgs {
  const uint8_t* above;
  const uint8_t* below;
  int share;             // 0 .. 2^kBlendBits
  int input_vectors;     // of a row of the input
  int32_t* blended;      // [input_vectors, 4, width of a vector]: scratch memory
  const int32_t* lower;  // [vectors, width of a vector], as the others below, pixel by pixel
  const int32_t* upper;
  const int32_t* rests;  // [vectors, 4, width of a vector]
  const int32_t* shares;
  int vectors;  // of a row of the output
  uint8_t* output;
  const uint32_t* mask;  // of pixel 0 of the row: as QuadDepthwiseArgs::mask
  uint32_t junk;         // 4 bytes
};

// Vectors have the four channels of pixels in such an order that a row of bytes unpacks to it.
inline constexpr int QuadBlendPlace(int pixel, int vector_width) {
  const int in_vector = pixel % vector_width;
  return (pixel - in_vector) * 4 + in_vector % 4 * vector_width + in_vector / 4 * 4;
}

using QuadResizeKernel = void (*)(const QuadResizeArgs& args);

// The sum of the stored bytes of each channel, over whole vectors.
struct QuadSumArgs {
  const uint8_t* input;  // of quad 0
  int quads;
  ptrdiff_t input_plane;  // bytes from one quad to the next
  int vectors;
  int32_t* sums;  // [quads, 4]
};

using QuadSumKernel = void (*)(const QuadSumArgs& args);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_ARGS_H_
