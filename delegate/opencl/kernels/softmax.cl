// SPDX-License-Identifier: Apache-2.0
// Softmax over the channels of each pixel.
//
//   output[c] = exp((input[c] - largest) * beta) / sum over channels of the same
//
// A pixel with a NaN or +infinity becomes NaN. Input and output may be the same: what the last pass
// writes is read before, by the same item.
//
// Work        REDUCE: a group of GROUP items for each pixel, each with every GROUP-th channel; for many
//             channels. Else an item for each pixel; for many pixels.
#ifdef REDUCE
#define ITEMS GROUP
#define FIRST get_local_id(0)
#define PIXEL get_group_id(0)
__attribute__((reqd_work_group_size(GROUP, 1, 1)))
#else
#define ITEMS 1
#define FIRST 0
#define PIXEL get_global_id(0)
#endif
__kernel void softmax(__global const element* input, __global element* output, const int8 in,
                      const int8 out, const float beta) {
  const int p = PIXEL;
#ifndef REDUCE
  if (p >= PIXELS(out)) return;
#endif
  const int3 pixel = pixel_of(p, out);
  const int from = element_of(pixel, in);
  const int to = element_of(pixel, out);
  const int channels = CHANNELS(in);
  const int first = FIRST;
  float largest = -INFINITY;
  for (int c = first; c < channels; c += ITEMS) {
    const float value = LOAD(input, from + c * PLANE(in));
    largest = value > largest ? value : largest;
  }
#ifdef REDUCE
  __local float shared[GROUP];
  shared[first] = largest;
  for (int half_of = GROUP / 2; half_of > 0; half_of /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (first < half_of && shared[first + half_of] > shared[first]) {
      shared[first] = shared[first + half_of];
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  largest = shared[0];
  barrier(CLK_LOCAL_MEM_FENCE);
#endif
  float sum = 0.0f;
  for (int c = first; c < channels; c += ITEMS) {
    sum += exp((LOAD(input, from + c * PLANE(in)) - largest) * beta);
  }
#ifdef REDUCE
  shared[first] = sum;
  for (int half_of = GROUP / 2; half_of > 0; half_of /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (first < half_of) shared[first] += shared[first + half_of];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  sum = shared[0];
#endif
  const float scale = 1.0f / sum;
  for (int c = first; c < channels; c += ITEMS) {
    const float e = exp((LOAD(input, from + c * PLANE(in)) - largest) * beta);
    STORE(e * scale, output, to + c * PLANE(out));
  }
}
