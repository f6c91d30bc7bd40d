// SPDX-License-Identifier: Apache-2.0
// A fully-connected layer of few rows.
//
//   output[row][c] = finish(bias[c] + sum over k of weights[c][k] * input[row][k])
//
// Work        groups (M channels, row) of GROUP items: each item adds up every GROUP-th lane, then the
//             group adds up the items' sums, halving their number each time: always in the same order
// Options     M 4 8 16
//
// weights [channels / M, lanes, M], bias [channels / M, M], channel_s [channels]: each from element
// at.s0 .. at.s2 on.
typedef CAT(float, M) channel_values;

__attribute__((reqd_work_group_size(GROUP, 1, 1))) __kernel void fully_connected(
    __global const element* restrict input, __global element* output,
    __global const float* restrict weights_of_all,
    __global const float* restrict bias_of_all, __global const float* restrict channel_s_of_all,
    const int8 in, const int8 out, const int4 at, const float lower,
    const float upper, const float s_of_all) {
  __local channel_values sums[GROUP];
  const int item = get_local_id(0);
  const int group = get_group_id(0);
  const int row = get_group_id(1);
  const int lanes = CHANNELS(in);
  __global const channel_values* const weights =
      (__global const channel_values*)(weights_of_all + at.s0) + group * lanes;
  __global const float* const channel_s = channel_s_of_all + at.s2;
  const int from = ORIGIN(in) + row * IMAGE(in);
  channel_values sum = 0.0f;
  for (int k = item; k < lanes; k += GROUP) {
    sum = fma((channel_values)(LOAD(input, from + k * PLANE(in))), weights[k], sum);
  }
  sums[item] = sum;
  for (int half_of = GROUP / 2; half_of > 0; half_of /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < half_of) sums[item] += sums[item + half_of];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const int c = group * M + item;
  if (item >= M || c >= CHANNELS(out)) return;
  float result = bias_of_all[at.s1 + c] + ((__local const float*)sums)[item];
  STORE(FINISH(result, c), output, ORIGIN(out) + row * IMAGE(out) + c * PLANE(out));
}
