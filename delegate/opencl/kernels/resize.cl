// SPDX-License-Identifier: Apache-2.0
// Resizing of height and width, to the nearest pixel or bilinear; places in float32 as TensorFlow Lite
// computes them.
//
//   place      (i + 1/2) * scale - 1/2, or i * scale, of output row or column i; nearest: without the - 1/2
//   nearest    the pixel floor(place), or round(place) with aligned corners
//   bilinear   between the pixels floor(place) and ceil(place), first over rows
//
// Work        an item for each output pixel and `per_item` channels (common.cl)
// Options     BILINEAR
//
// scale: of rows and columns. flags: align_corners, half_pixel_centers.
#pragma OPENCL FP_CONTRACT OFF

static float place_of(int i, float scale, int half_pixel) {
#ifdef BILINEAR
  return half_pixel ? ((float)i + 0.5f) * scale - 0.5f : (float)i * scale;
#else
  return ((float)i + (half_pixel ? 0.5f : 0.0f)) * scale;
#endif
}

__kernel void resize(__global const element* restrict input, __global element* output,
                     const int8 in, const int8 out, const float2 scale, const int2 flags,
                     const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int3 pixel = pixel_of(p, out);
  const float y = place_of(pixel.s1, scale.s0, flags.s1);
  const float x = place_of(pixel.s2, scale.s1, flags.s1);
  const int y_last = HEIGHT(in) - 1;
  const int x_last = WIDTH(in) - 1;
  const int from = ORIGIN(in) + pixel.s0 * IMAGE(in);
  const int to = element_of(pixel, out);
#ifdef BILINEAR
  const int y_floor = max((int)floor(y), 0);
  const int x_floor = max((int)floor(x), 0);
  const int above = from + min(y_floor, y_last) * ROW(in);
  const int below = from + clamp((int)ceil(y), 0, y_last) * ROW(in);
  const int left = min(x_floor, x_last);
  const int right = clamp((int)ceil(x), 0, x_last);
  const float down = y - (float)y_floor;
  const float across = x - (float)x_floor;
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    const int plane = c * PLANE(in);
    const float first = LOAD(input, above + plane + left) * (1.0f - down) +
                        LOAD(input, below + plane + left) * down;
    const float second = LOAD(input, above + plane + right) * (1.0f - down) +
                         LOAD(input, below + plane + right) * down;
    STORE(first * (1.0f - across) + second * across, output, to + c * PLANE(out));
  }
#else
  const int row = clamp((int)(flags.s0 ? round(y) : floor(y)), 0, y_last);
  const int column = clamp((int)(flags.s0 ? round(x) : floor(x)), 0, x_last);
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    STORE(LOAD(input, from + c * PLANE(in) + row * ROW(in) + column), output,
          to + c * PLANE(out));
  }
#endif
}
