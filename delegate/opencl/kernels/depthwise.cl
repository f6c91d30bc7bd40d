// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution.
//
//   output[c] at (y, x) = finish(bias[c] + sum over taps (i, j) of weights[c][i][j] *
//       input[c] at (y * stride_h + i * dilation_h - pad_top, x * stride_w + j * dilation_w - pad_left))
//
// Outside of the image there must be zeros.
//
// Work        groups (`per_group` channels, tile of V * TILE pixels), local (1, TILE, 1), TILE being 64. All
//             but pixels is uniform in a group, so that weights are loaded once for it. The V pixels of
//             an item are TILE apart.
// Options     TAPS 3 or 5: the kernel's height and width, without dilation; 0: any; V 1 2 4
//
// weights [channels, kernel_h * kernel_w], bias [channels], channel_s [channels]: each from element
// at.s0 .. at.s2 on. window: kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top,
// pad_left.
#define TILE 64

// Behind the last pixel it is read again, and not written.
#define PIXEL(j, v)                                                                  \
  const int p##v = first_pixel + v * TILE;                                           \
  const int3 at##v = pixel_of(min(p##v, pixels - 1), out);                           \
  const int to##v = p##v < pixels ? element_of(at##v, out) : -1;                     \
  const int from##v = ORIGIN(in) + at##v.s0 * IMAGE(in) +                            \
                      (at##v.s1 * window.s2 - window.s6) * ROW(in) +                 \
                      at##v.s2 * window.s3 - window.s7;
#define DECLARE(j, v)      \
  real sum##v = bias;      \
  __global const element* row##v = plane + from##v;
#define TAP(j, v) sum##v = fma(LOAD_REAL(row##v + j * column_step), weight, sum##v);
#define NEXT_ROW(j, v) row##v += row_step;
#define WRITE(j, v) \
  if (to##v >= 0) STORE(FINISH((float)sum##v, c), output, to##v + c * PLANE(out));

__attribute__((reqd_work_group_size(1, TILE, 1))) __kernel void depthwise(
    __global const element* restrict input, __global element* output,
    __global const float* restrict weights_of_all, __global const float* restrict bias_of_all,
    __global const float* restrict channel_s_of_all, const int8 in, const int8 out, const int4 at,
    const int8 window, const int per_group, const float lower, const float upper,
    const float s_of_all) {
#if TAPS == 0
  const int kernel_h = window.s0;
  const int kernel_w = window.s1;
  const int row_step = window.s4 * ROW(in);
  const int column_step = window.s5;
#else
  const int kernel_h = TAPS;
  const int kernel_w = TAPS;
  const int row_step = ROW(in);
  const int column_step = 1;
#endif
  const int pixels = PIXELS(out);
  const int first_pixel = get_group_id(1) * (V * TILE) + get_local_id(1);
  EACH_PIXEL(PIXEL, 0)
  __global const float* const channel_s = channel_s_of_all + at.s2;
  const int first_channel = get_group_id(0) * per_group;
  const int end_channel = min(CHANNELS(out), first_channel + per_group);
  for (int c = first_channel; c < end_channel; ++c) {
    __global const float* const weights = weights_of_all + at.s0 + c * (kernel_h * kernel_w);
    __global const element* const plane = input + c * PLANE(in);
    const real bias = bias_of_all[at.s1 + c];
    EACH_PIXEL(DECLARE, 0)
    for (int i = 0; i < kernel_h; ++i) {
      for (int j = 0; j < kernel_w; ++j) {
        const real weight = weights[i * kernel_w + j];
        EACH_PIXEL(TAP, j)
      }
      EACH_PIXEL(NEXT_ROW, 0)
    }
    EACH_PIXEL(WRITE, 0)
  }
}
