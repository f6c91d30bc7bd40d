// SPDX-License-Identifier: Apache-2.0
// Dense convolution.
//
//   output[c] = finish(bias[c] + sum over lanes k of weights[c][k] * input[offsets[k]])
//
// An item has M channels of V pixels: M * V accumulators. For each lane it reads one value for each of
// its pixels, and M weights, which are the same for all items of a group.
//
// Work        groups (M channels, tile of V * TILE pixels), local (1, TILE, 1); the V pixels of an item
//             are TILE apart: neighbouring items read neighbours. Four lanes at a time.
// Options     M 4 8 16; V 1 2 4 8; TILE 16 64; WIDE_ADDRESSES (common.cl); RESIDUAL: added before the
//             clamp
// Limits      M * V at most 64 accumulators (32 on Mali and PowerVR)
//
// offsets [lanes] of lanes from a pixel's base, aligned to 16 bytes, weights [channels / M, lanes, M],
// bias [channels / M, M]: each from element at.s0 .. at.s2 on; `channel_s` [channels] from at.s3 on.
#define M4(X) X(0) X(1) X(2) X(3)
#define M8(X) M4(X) X(4) X(5) X(6) X(7)
#define M16(X) M8(X) X(8) X(9) X(A) X(B) X(C) X(D) X(E) X(F)
#define CHANNELS_4 M4
#define CHANNELS_8 M8
#define CHANNELS_16 M16
#define EACH_CHANNEL(F) CAT(CHANNELS_, M)(F)
typedef CAT(float, M) channel_values;

#ifdef RESIDUAL
#define PLUS_RESIDUAL(j, v) \
  +LOAD(residual, added_to[v * TILE + item] + (c + 0x##j) * PLANE(added))
#else
#define PLUS_RESIDUAL(j, v)
#endif

#define DECLARE_AT(j, v) real a##j##_##v = bias[0x##j];
#define DECLARE(j) EACH_PIXEL(DECLARE_AT, j)
#define READ(j, v) const real x##v = READ_FROM(input, lane_offset, from##v);
#define MULTIPLY_ADD_AT(j, v) a##j##_##v = fma(x##v, (real)w.s##j, a##j##_##v);
#define MULTIPLY_ADD(j) EACH_PIXEL(MULTIPLY_ADD_AT, j)
#define LANE(k, o)                            \
  {                                           \
    const int lane_offset = o;                \
    const channel_values w = weights[k];      \
    EACH_PIXEL(READ, 0)                       \
    EACH_CHANNEL(MULTIPLY_ADD)                \
  }
#define WRITE_AT(j, v)                                                             \
  {                                                                                \
    const int there = to[v * TILE + item];                                         \
    if (there >= 0) {                                                              \
      STORE(FINISH((float)a##j##_##v PLUS_RESIDUAL(j, v), c + 0x##j), output,      \
            there + (c + 0x##j) * PLANE(out));                                     \
    }                                                                              \
  }
#define WRITE(j) \
  if (c + 0x##j < channels) { EACH_PIXEL(WRITE_AT, j) }

__attribute__((reqd_work_group_size(1, TILE, 1))) __kernel void dense_convolution(
    __global const element* input, __global element* output, __global const element* residual,
    __global const int* restrict offsets_of_all, __global const float* restrict weights_of_all,
    __global const float* restrict bias_of_all, __global const float* restrict channel_s_of_all,
    const int8 in, const int8 out, const int8 added, const int4 at, const int2 stride,
    const int lanes, const float lower, const float upper, const float s_of_all) {
  const int group = get_group_id(0);
  const int c = group * M;
  const int channels = CHANNELS(out);
  __global const int* const offsets = offsets_of_all + at.s0;
  __global const channel_values* const weights =
      (__global const channel_values*)(weights_of_all + at.s1) + group * lanes;
  __global const float* const bias = bias_of_all + at.s2 + c;
  __global const float* const channel_s = channel_s_of_all + at.s3;
  const int pixels = PIXELS(out);
  const int item = get_local_id(1);
  const int first_pixel = get_group_id(1) * (V * TILE) + item;
  volatile __local int to[V * TILE];
#ifdef RESIDUAL
  volatile __local int added_to[V * TILE];
#endif
  EACH_PIXEL(CONVOLUTION_PIXEL, 0)
  EACH_PIXEL(CONVOLUTION_RESIDUAL, 0)
  EACH_CHANNEL(DECLARE)
  int k = 0;
  for (; k < lanes - 3; k += 4) {
    const int4 o = *(__global const int4*)(offsets + k);
    LANE(k, o.s0)
    LANE(k + 1, o.s1)
    LANE(k + 2, o.s2)
    LANE(k + 3, o.s3)
  }
  for (; k < lanes; ++k) LANE(k, offsets[k])
  EACH_CHANNEL(WRITE)
}
