// SPDX-License-Identifier: Apache-2.0
// Maximum or average over windows.
//
//   maximum   of the window's pixels inside the image; NaN does not count, nor what is less than any float
//   average   sum of those pixels / their number
//
// With zeros_count all of the window counts, and what is outside of the image is zero. Nothing outside
// is read.
//
// Work        an item for each output pixel and `per_item` channels (common.cl)
// Options     MAXIMUM, or an average
//
// window: kernel_h, kernel_w, stride_h, stride_w, zeros_count, -, pad_top, pad_left. channel_s [channels]
// from element `at` on.
__kernel void pool(__global const element* restrict input, __global element* output,
                   __global const float* restrict channel_s_of_all, const int8 in, const int8 out,
                   const int at, const int8 window, const int per_item,
                   const float lower, const float upper, const float s_of_all) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int3 pixel = pixel_of(p, out);
  const int top = pixel.s1 * window.s2 - window.s6;
  const int left = pixel.s2 * window.s3 - window.s7;
  const int y_end = min(top + window.s0, HEIGHT(in));
  const int x_end = min(left + window.s1, WIDTH(in));
  const int y_first = max(top, 0);
  const int x_first = max(left, 0);
  const int inside = max(y_end - y_first, 0) * max(x_end - x_first, 0);
  const int all = window.s0 * window.s1;
  const float scale = 1.0f / (float)(window.s4 ? all : inside);
  const int from = ORIGIN(in) + pixel.s0 * IMAGE(in);
  const int to = element_of(pixel, out);
  __global const float* const channel_s = channel_s_of_all + at;
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
#ifdef MAXIMUM
    float result = -MAXFLOAT;
    if (window.s4 && inside < all) result = 0.0f;
#else
    float result = 0.0f;
#endif
    for (int y = y_first; y < y_end; ++y) {
      const int row = from + c * PLANE(in) + y * ROW(in);
      for (int x = x_first; x < x_end; ++x) {
        const float value = LOAD(input, row + x);
#ifdef MAXIMUM
        result = value > result ? value : result;
#else
        result += value;
#endif
      }
    }
#ifndef MAXIMUM
    result *= scale;
#endif
    STORE(FINISH(result, c), output, to + c * PLANE(out));
  }
}
