// SPDX-License-Identifier: Apache-2.0
// Block-sparse convolution: weight-rotating, output-stationary (WROS, section 4 of arXiv 2407.19644).
//
//   output[c] = finish(bias[c] + sum over blocks that hold c of value[c mod N] * input[lane])
//
// N accumulators of each pixel form a circular buffer over output channels: accumulator c mod N is
// channel c's. Blocks are sorted by start channel and stored rotated.
//
//   for s = 0, 1, ...:
//     for each block that starts at s:     a[j] = fma(input[lane], value[j], a[j]),  j = 0 .. N-1
//     output[s] = finish(a[s mod N]);  a[s mod N] = bias[s + N]
//
// A range of channels [begin, end) takes up the N - 1 start channels in front of it without storing
// them. The order of fma in a sum, and so each bit of it, does not depend on TILE, V or ranges.
//
// Work        groups (range, tile of V * TILE pixels), local (1, TILE, 1). All but pixels is uniform in
//             a group: the range comes from get_group_id, so that compilers load weights once for it.
//             The V pixels of an item are TILE apart: neighbouring items read neighbours.
// Options     N 1 2 4 8 16; V 1 2 4; TILE 16 64; WIDE_ADDRESSES (common.cl); RESIDUAL: added before the
//             clamp; LANES 1, or 4 where blocks come in fours whose lanes are neighbouring planes, with
//             one offset for four
// Limits      N * V at most 64 accumulators (32 on Mali and PowerVR); ranges begin at multiples of N
//
// first [out_channels + 1] of each start channel; offsets [blocks / LANES] of lanes from a pixel's base,
// values [blocks, N], bias [out_channels + 2 N], ranges [groups + 1]: each from element at.s0 .. at.s4
// on, of `channel_s` [out_channels] from at.s5 on.
#define R1(F) F(0)
#define R2(F) R1(F) F(1)
#define R4(F) R2(F) F(2) F(3)
#define R8(F) R4(F) F(4) F(5) F(6) F(7)
#define R16(F) R8(F) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define EACH_START(F) CAT(R, N)(F)
// The same, for use inside of it.
#define A1(F) F(0)
#define A2(F) A1(F) F(1)
#define A4(F) A2(F) F(2) F(3)
#define A8(F) A4(F) F(4) F(5) F(6) F(7)
#define A16(F) A8(F) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define EACH_ACCUMULATOR(F) CAT(A, N)(F)

// Component j of a vector of N.
#define C0 .s0
#define C1 .s1
#define C2 .s2
#define C3 .s3
#define C4 .s4
#define C5 .s5
#define C6 .s6
#define C7 .s7
#define C8 .s8
#define C9 .s9
#define C10 .sA
#define C11 .sB
#define C12 .sC
#define C13 .sD
#define C14 .sE
#define C15 .sF
#if N == 1
typedef float block_values;
#define WEIGHT(w, j) ((real)(w))
#else
typedef CAT(float, N) block_values;
#define WEIGHT(w, j) ((real)(w)C##j)
#endif

#ifdef RESIDUAL
#define PLUS_RESIDUAL(v) +LOAD(residual, added_to[v * TILE + item] + s * PLANE(added))
#else
#define PLUS_RESIDUAL(v)
#endif

#define DECLARE_AT(j, v) real a##j##_##v = bias[c + j];
#define DECLARE(j) EACH_PIXEL(DECLARE_AT, j)
#define READ(j, v) const real x##v = READ_FROM(input, o, from##v);
#define MULTIPLY_ADD_AT(j, v) a##j##_##v = fma(x##v, WEIGHT(w, j), a##j##_##v);
#define MULTIPLY_ADD(j) EACH_PIXEL(MULTIPLY_ADD_AT, j)
#define SET(j, v) a##j##_##v = next;
#define WRITE(j, v)                                                        \
  {                                                                        \
    const int there = to[v * TILE + item];                                 \
    if (there >= 0) {                                                      \
      STORE(FINISH((float)a##j##_##v PLUS_RESIDUAL(v), s), output, there + s * PLANE(out)); \
    }                                                                      \
  }

#define BLOCK(i, distance)                    \
  {                                           \
    const int o = offset + (distance);        \
    const block_values w = values[b + i];     \
    EACH_PIXEL(READ, 0)                       \
    EACH_ACCUMULATOR(MULTIPLY_ADD)            \
  }
#if LANES == 4
#define BLOCKS                                \
  BLOCK(0, 0)                                 \
  BLOCK(1, PLANE(in))                         \
  BLOCK(2, 2 * PLANE(in))                     \
  BLOCK(3, 3 * PLANE(in))
#else
#define BLOCKS BLOCK(0, 0)
#endif

#define START(p)                              \
  if (c + p < end) {                          \
    const int s = c + p;                      \
    const float next = bias[s + N];           \
    if (s > begin - N) {                      \
      const int b_end = first[s + 1];         \
      for (; b < b_end; b += LANES) {         \
        const int offset = offsets[b / LANES]; \
        BLOCKS                                \
      }                                       \
    }                                         \
    if (s >= begin) {                         \
      EACH_PIXEL(WRITE, p)                    \
    }                                         \
    EACH_PIXEL(SET, p)                        \
  }

__attribute__((reqd_work_group_size(1, TILE, 1))) __kernel void sparse_convolution(
    __global const element* input, __global element* output, __global const element* residual,
    __global const int* restrict first_of_all, __global const int* restrict offsets_of_all,
    __global const float* restrict values_of_all, __global const float* restrict bias_of_all,
    __global const int* restrict ranges, __global const float* restrict channel_s_of_all,
    const int8 in, const int8 out, const int8 added, const int8 at, const int2 stride,
    const float lower, const float upper, const float s_of_all) {
  __global const int* const first = first_of_all + at.s0;
  __global const int* const offsets = offsets_of_all + at.s1;
  __global const block_values* const values =
      (__global const block_values*)(values_of_all + at.s2);
  __global const float* const bias = bias_of_all + at.s3;
  __global const float* const channel_s = channel_s_of_all + at.s5;
  const int begin = ranges[at.s4 + get_group_id(0)];
  const int end = ranges[at.s4 + get_group_id(0) + 1];
  const int pixels = PIXELS(out);
  const int item = get_local_id(1);
  const int first_pixel = get_group_id(1) * (V * TILE) + item;
  volatile __local int to[V * TILE];
#ifdef RESIDUAL
  volatile __local int added_to[V * TILE];
#endif
  EACH_PIXEL(CONVOLUTION_PIXEL, 0)
  EACH_PIXEL(CONVOLUTION_RESIDUAL, 0)
  int c = begin > 0 ? begin - N : 0;
  int b = first[begin > 0 ? begin - N + 1 : 0];
  EACH_ACCUMULATOR(DECLARE)
  for (; c < end; c += N) {
    EACH_START(START)
  }
}
