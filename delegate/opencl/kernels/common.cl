// SPDX-License-Identifier: Apache-2.0
// What all kernels share; the build puts it in front of each. Arithmetic is float unless it says
// otherwise.
//
// Options
//   STORAGE_HALF   tensors are half; read and written by vload_half and vstore_half, which need no
//                  extension
//   SUMS_HALF      with STORAGE_HALF: convolutions add up in half as well (cl_khr_fp16)
//   FUNCTION       a function of one tensor behind the clamp; FUNCTION_CHANNELS: its number is one for
//                  each channel
//
// A tensor is a pointer and an int8 `planes`: element (b, c, y, x) is
// origin + b * image + c * plane + y * row + x.
#define ORIGIN(planes) (planes).s0
#define ROW(planes) (planes).s1
#define PLANE(planes) (planes).s2
#define IMAGE(planes) (planes).s3
#define WIDTH(planes) (planes).s4
#define HEIGHT(planes) (planes).s5
#define CHANNELS(planes) (planes).s6
#define BATCH(planes) (planes).s7
#define PIXELS(planes) (BATCH(planes) * HEIGHT(planes) * WIDTH(planes))

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)

// F(j, v) for each of the V pixels of an item.
#define P1(F, j) F(j, 0)
#define P2(F, j) P1(F, j) F(j, 1)
#define P4(F, j) P2(F, j) F(j, 2) F(j, 3)
#define P8(F, j) P4(F, j) F(j, 4) F(j, 5) F(j, 6) F(j, 7)
#define EACH_PIXEL(F, j) CAT(P, V)(F, j)

#ifdef STORAGE_HALF
typedef half element;
#define ELEMENT_BYTES 2
#define LOAD(pointer, i) vload_half((i), (pointer))
#define STORE(value, pointer, i) vstore_half((value), (i), (pointer))
#else
typedef float element;
#define ELEMENT_BYTES 4
#define LOAD(pointer, i) ((pointer)[i])
#define STORE(value, pointer, i) ((pointer)[i] = (value))
#endif

// Sums of convolutions.
#ifdef SUMS_HALF
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
typedef half real;
#define LOAD_REAL(pointer) (*(pointer))
#else
typedef float real;
#define LOAD_REAL(pointer) LOAD(pointer, 0)
#endif

// Where an item of a convolution reads, made of PLACE_UNIT times an element's number. READ_FROM reads `o`
// elements behind it, in the inner loop, and should cost little beside the load:
//   WIDE_ADDRESSES   a pointer, to which `o` is added in 64 bits: one instruction on NVIDIA's GPUs
//   else             bytes, added in 32 bits: one instruction where a load takes a base that is the
//                    same for all items and a 32-bit register
#ifdef WIDE_ADDRESSES
typedef __global const element* place;
#define PLACE_UNIT 1
#define PLACE_AT(pointer, units) ((pointer) + (units))
#define READ_FROM(pointer, o, place) LOAD_REAL((place) + (o))
#else
typedef uint place;
#define PLACE_UNIT ELEMENT_BYTES
#define PLACE_AT(pointer, units) ((uint)(units))
#define READ_FROM(pointer, o, place)                                    \
  LOAD_REAL((__global const element*)((__global const char*)(pointer) + \
                                      ((place) + ELEMENT_BYTES * (uint)(o))))
#endif

// Pixel p of all images of a tensor, counted in rows: (b, y, x) are (s0, s1, s2).
static int3 pixel_of(int p, int8 planes) {
  const uint width = WIDTH(planes);
  const uint height = HEIGHT(planes);
  const uint rows = (uint)p / width;
  const uint image = rows / height;
  return (int3)(image, rows - image * height, (uint)p - rows * width);
}

// The element of channel 0.
static int element_of(int3 pixel, int8 planes) {
  return ORIGIN(planes) + pixel.s0 * IMAGE(planes) + pixel.s1 * ROW(planes) + pixel.s2;
}

// Where item `item` of a convolution's group of TILE items reads and writes its pixels, v * TILE behind
// `first_pixel`: from##v in the input, to[v * TILE + item] in the output, or -1 behind the last of
// `pixels`, which is read again there and not written. Local memory holds an item's own numbers only:
// where its pixels are written, which costs no registers there; and, for a moment, where they are read,
// which compilers would add up anew for each lane if they knew what it is the sum of.
#define CONVOLUTION_PIXEL(j, v)                                                       \
  const int p##v = first_pixel + v * TILE;                                            \
  const int3 at##v = pixel_of(min(p##v, pixels - 1), out);                            \
  to[v * TILE + item] =                                                               \
      (int)(PLACE_UNIT * (uint)(ORIGIN(in) + at##v.s0 * IMAGE(in) +                   \
                                at##v.s1 * stride.s0 * ROW(in) + at##v.s2 * stride.s1)); \
  const place from##v = PLACE_AT(input, to[v * TILE + item]);                         \
  to[v * TILE + item] = p##v < pixels ? element_of(at##v, out) : -1;

// Behind it: where the residual of a pixel is.
#ifdef RESIDUAL
#define CONVOLUTION_RESIDUAL(j, v) added_to[v * TILE + item] = element_of(at##v, added);
#else
#define CONVOLUTION_RESIDUAL(j, v)
#endif

// NaN stays NaN.
static float limit(float x, float lower, float upper) {
  x = x < lower ? lower : x;
  return x > upper ? upper : x;
}

#define ADD 0
#define SUBTRACT 1
#define MULTIPLY 2
#define SCALE 3
#define LEAKY_RELU 5
#define PRELU 6
#define ELU 7
#define HARD_SWISH 8
#define LOGISTIC 9
#define SWISH 10
#define MISH 11
#define GELU 12
#define GELU_TANH 13
#define TANH 14
#define EXP 15
#define LOG 16
#define SOFTPLUS 17

// The function of one tensor, with its numbers s and t.
#ifdef FUNCTION
static float apply(float a, float s, float t) {
#if FUNCTION == SCALE
  return fma(a, s, t);
#elif FUNCTION == LEAKY_RELU
  return a < 0.0f ? a * s : a;
#elif FUNCTION == ELU
  return a < 0.0f ? expm1(a) : a;
#elif FUNCTION == HARD_SWISH
  return a * (limit(a + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f));
#elif FUNCTION == LOGISTIC
  return 1.0f / (1.0f + exp(-a));
#elif FUNCTION == SWISH
  return a * (1.0f / (1.0f + exp(-a)));
#elif FUNCTION == MISH
  const float e = exp(a > 40.0f ? 40.0f : a);
  const float u = e * (e + 2.0f);  // tanh(log(1 + e)) = u / (u + 2)
  return a * (u / (u + 2.0f));
#elif FUNCTION == GELU
  // erfc(t / sqrt(2)) / 2 = exp(-t^2 / 2) u q(u) with t = |a|, u = 1 / (1 + 0.3 t): the CPU's q
  const float u = 1.0f / fma(fabs(a), 0.3f, 1.0f);
  float q = fma(3.5984109e-2f, u, -1.5849500e-1f);
  q = fma(q, u, 2.0858561e-1f);
  q = fma(q, u, -5.5744553e-2f);
  q = fma(q, u, 1.2965596e-1f);
  q = fma(q, u, 9.9580449e-2f);
  q = fma(q, u, 1.2080759e-1f);
  q = fma(q, u, 1.1962578e-1f);
  const float tail = exp(a * a * -0.5f) * (q * u);
  return a * (a < 0.0f ? tail : 1.0f - tail);
#elif FUNCTION == GELU_TANH
  return a * (1.0f / (1.0f + exp(-a * fma(a * a, 7.1354814e-2f, 1.5957691f))));
#elif FUNCTION == TANH
  return tanh(a);
#elif FUNCTION == EXP
  return exp((a + t) * s);
#elif FUNCTION == LOG
  return log(a);
#elif FUNCTION == SOFTPLUS
  // log(1 + e) = e q(e) with e from 0 to 1: the CPU's q
  const float e = exp(-fabs(a));
  float q = fma(5.2326955e-3f, e, -2.9505247e-2f);
  q = fma(q, e, 7.8225970e-2f);
  q = fma(q, e, -1.3663249e-1f);
  q = fma(q, e, 1.9106008e-1f);
  q = fma(q, e, -2.4842983e-1f);
  q = fma(q, e, 3.3319098e-1f);
  q = fma(q, e, -4.9999493e-1f);
  q = fma(q, e, 9.9999994e-1f);
  return fma(q, e, limit(a, 0.0f, 88.7228394f));  // the logarithm of the largest float
#else
#error "FUNCTION is none of one tensor"
#endif
}
#endif

// What becomes of a sum of channel c, residual included: clamped, then the function.
#if defined(FUNCTION) && defined(FUNCTION_CHANNELS)
#define FINISH(x, c) apply(limit((x), lower, upper), channel_s[c], 0.0f)
#elif defined(FUNCTION)
#define FINISH(x, c) apply(limit((x), lower, upper), s_of_all, 0.0f)
#else
#define FINISH(x, c) limit((x), lower, upper)
#endif

// Kernels whose items have nothing in common: an item has pixel get_global_id(0) of the output, all
// images counted, and the `per_item` channels from per_item * get_global_id(1) on. The caller chooses the
// size of groups.
#define FOR_EACH_CHANNEL(c, channels, per_item)       \
  const int first_channel = get_global_id(1) * per_item; \
  const int end_channel = min((int)(channels), first_channel + per_item); \
  for (int c = first_channel; c < end_channel; ++c)

// Items of a group that reduces.
#define GROUP 64
