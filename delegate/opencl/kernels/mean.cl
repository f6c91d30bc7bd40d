// SPDX-License-Identifier: Apache-2.0
// The mean over each plane's pixels.
//
// Work        a group of GROUP items for each channel (0) of each image (1): each item adds up every
//             GROUP-th pixel, then the group adds up the items' sums, halving their number each time
__attribute__((reqd_work_group_size(GROUP, 1, 1))) __kernel void mean(
    __global const element* restrict input, __global element* output, const int8 in,
    const int8 out) {
  __local float sums[GROUP];
  const int item = get_local_id(0);
  const int c = get_group_id(0);
  const int image = get_group_id(1);
  const int from = ORIGIN(in) + image * IMAGE(in) + c * PLANE(in);
  const uint width = WIDTH(in);
  const int pixels = HEIGHT(in) * WIDTH(in);
  float sum = 0.0f;
  for (int p = item; p < pixels; p += GROUP) {
    const int y = (uint)p / width;
    sum += LOAD(input, from + y * ROW(in) + (p - y * WIDTH(in)));
  }
  sums[item] = sum;
  for (int half_of = GROUP / 2; half_of > 0; half_of /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < half_of) sums[item] += sums[item + half_of];
  }
  if (item == 0) {
    STORE(sums[0] / (float)pixels, output, ORIGIN(out) + image * IMAGE(out) + c * PLANE(out));
  }
}
