// SPDX-License-Identifier: Apache-2.0
// Kernels that only move elements.
//
// Work        an item for each output pixel and `per_item` of its channels (common.cl), but for copy:
//             see there

// Channel (i * block_w + j) * channels + c of pixel (y, x) becomes channel c of pixel
// (y * block_h + i - crop_top, x * block_w + j - crop_left). block: block_h, block_w, crop_top,
// crop_left.
__kernel void depth_to_space(__global const element* restrict input, __global element* output,
                             const int8 in, const int8 out, const int4 block,
                             const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int3 pixel = pixel_of(p, out);
  const int y = pixel.s1 + block.s2;
  const int x = pixel.s2 + block.s3;
  const int phase = y % block.s0 * block.s1 + x % block.s1;
  const int from = element_of((int3)(pixel.s0, y / block.s0, x / block.s1), in) +
                   phase * CHANNELS(out) * PLANE(in);
  const int to = element_of(pixel, out);
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    STORE(LOAD(input, from + c * PLANE(in)), output, to + c * PLANE(out));
  }
}

// The reverse, with blocks of block x block pixels and no crop.
__kernel void space_to_depth(__global const element* restrict input, __global element* output,
                             const int8 in, const int8 out, const int block, const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int3 pixel = pixel_of(p, out);
  const int from = element_of((int3)(pixel.s0, pixel.s1 * block, pixel.s2 * block), in);
  const int to = element_of(pixel, out);
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    const int phase = c / CHANNELS(in);
    const int place = (c - phase * CHANNELS(in)) * PLANE(in) + phase / block * ROW(in);
    STORE(LOAD(input, from + place + phase % block), output, to + c * PLANE(out));
  }
}

// A region of the output: pixels and channels as those of the tensor `region`, from (b, c, y, x) = start
// on. It is the input from (b, c, y, x) = -shift on, and `around` outside of that.
__kernel void copy(__global const element* restrict input, __global element* output, const int8 in,
                   const int8 out, const int8 region, const int4 start, const int4 shift,
                   const float around, const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(region)) return;
  const int3 pixel = pixel_of(p, region);
  const int3 to_pixel = pixel + (int3)(start.s0, start.s2, start.s3);
  const int3 from_pixel = pixel - (int3)(shift.s0, shift.s2, shift.s3);
  const int to = element_of(to_pixel, out) + start.s1 * PLANE(out);
  const int from = element_of(from_pixel, in);
  const int inside = from_pixel.s0 >= 0 && from_pixel.s0 < BATCH(in) && from_pixel.s1 >= 0 &&
                     from_pixel.s1 < HEIGHT(in) && from_pixel.s2 >= 0 && from_pixel.s2 < WIDTH(in);
  FOR_EACH_CHANNEL(c, CHANNELS(region), per_item) {
    const int channel = c - shift.s1;
    float value = around;
    if (inside && channel >= 0 && channel < CHANNELS(in)) {
      value = LOAD(input, from + channel * PLANE(in));
    }
    STORE(value, output, to + c * PLANE(out));
  }
}

// The same elements, counted in the order of NHWC, in another shape.
__kernel void reshape(__global const element* restrict input, __global element* output,
                      const int8 in, const int8 out, const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int to = element_of(pixel_of(p, out), out);
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    const int i = p * CHANNELS(out) + c;
    const int pixel = (uint)i / (uint)CHANNELS(in);
    const int channel = i - pixel * CHANNELS(in);
    const int from = element_of(pixel_of(pixel, in), in) + channel * PLANE(in);
    STORE(LOAD(input, from), output, to + c * PLANE(out));
  }
}

// Channel c of pixel (y, x) is channel x of pixel (c, y) if to_nhwc, else channel y of pixel (x, c).
__kernel void transpose(__global const element* restrict input, __global element* output,
                        const int8 in, const int8 out, const int to_nhwc, const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int3 pixel = pixel_of(p, out);
  const int to = element_of(pixel, out);
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    const int3 from_pixel = to_nhwc ? (int3)(pixel.s0, c, pixel.s1) : (int3)(pixel.s0, pixel.s2, c);
    const int channel = to_nhwc ? pixel.s2 : pixel.s1;
    STORE(LOAD(input, element_of(from_pixel, in) + channel * PLANE(in)), output,
          to + c * PLANE(out));
  }
}

// From NHWC floats, as the interpreter has them.
__kernel void to_planes(__global const float* restrict image, __global element* output,
                        const int8 out, const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int to = element_of(pixel_of(p, out), out);
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    STORE(image[p * CHANNELS(out) + c], output, to + c * PLANE(out));
  }
}

// To them.
__kernel void to_image(__global const element* restrict input, __global float* image,
                       const int8 in, const int per_item) {
  const int p = get_global_id(0);
  if (p >= PIXELS(in)) return;
  const int from = element_of(pixel_of(p, in), in);
  FOR_EACH_CHANNEL(c, CHANNELS(in), per_item) {
    image[p * CHANNELS(in) + c] = LOAD(input, from + c * PLANE(in));
  }
}
