// SPDX-License-Identifier: Apache-2.0
// A function of one tensor or two, and a clamp.
//
// An operand's axis of size 1 is read again and again: its stride is 0 then, that of x in x_strides. The
// output may be an operand of its shape: an item reads what it writes before.
//
// Work        an item for each output pixel and `per_item` channels (common.cl)
// Options     OPERATION ADD SUBTRACT MULTIPLY PRELU: of two tensors; or FUNCTION: of one, with numbers s
//             and t; FUNCTION_CHANNELS: with one of each for every channel
//
// channel_s, channel_t [channels]: from element at.s0 and at.s1 on.
__kernel void elementwise(__global const element* first, __global const element* second,
                          __global element* output,
                          __global const float* restrict channel_s_of_all,
                          __global const float* restrict channel_t_of_all, const int8 a,
                          const int8 b, const int8 out, const int2 x_strides, const int2 at,
                          const int per_item, const float lower, const float upper,
                          const float s_of_all, const float t_of_all) {
  const int p = get_global_id(0);
  if (p >= PIXELS(out)) return;
  const int3 pixel = pixel_of(p, out);
  const int to = element_of(pixel, out);
  const int from_a =
      ORIGIN(a) + pixel.s0 * IMAGE(a) + pixel.s1 * ROW(a) + pixel.s2 * x_strides.s0;
#ifdef OPERATION
  const int from_b =
      ORIGIN(b) + pixel.s0 * IMAGE(b) + pixel.s1 * ROW(b) + pixel.s2 * x_strides.s1;
#endif
  FOR_EACH_CHANNEL(c, CHANNELS(out), per_item) {
    const float x = LOAD(first, from_a + c * PLANE(a));
#ifdef OPERATION
    const float y = LOAD(second, from_b + c * PLANE(b));
#endif
#if defined(FUNCTION_CHANNELS)
    const float result = apply(x, channel_s_of_all[at.s0 + c], channel_t_of_all[at.s1 + c]);
#elif defined(FUNCTION)
    const float result = apply(x, s_of_all, t_of_all);
#elif OPERATION == ADD
    const float result = x + y;
#elif OPERATION == SUBTRACT
    const float result = x - y;
#elif OPERATION == MULTIPLY
    const float result = x * y;
#elif OPERATION == PRELU
    const float result = x < 0.0f ? x * y : x;
#endif
    STORE(limit(result, lower, upper), output, to + c * PLANE(out));
  }
}
