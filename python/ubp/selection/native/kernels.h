// SPDX-License-Identifier: Apache-2.0
// The kernels that selection runs through, one family of them per instruction set.
//
// Lanes are independent, and a kernel works on a *group* of them at a time, one lane per element
// of a vector. The arrays of a group are interleaved: [channels or starts][width] int32, aligned to
// kAlignment bytes. Block scores are kept doubled, so that a penalty may lie half way between two
// scores; see sweep.h. All kernels are pure functions of their arguments.
#ifndef UBP_SELECTION_NATIVE_KERNELS_H_
#define UBP_SELECTION_NATIVE_KERNELS_H_

#include <stdint.h>

namespace ubp {
namespace selection {

inline constexpr int kAlignment = 64;   // bytes
inline constexpr int kMaxWidth = 16;    // lanes of a group
inline constexpr int kMaxPoints = 2;    // penalties of one sweep
inline constexpr int kWordStarts = 32;  // starts whose decisions are one word

// Returns whether all values [count] are finite and >= 0; *peak is then the largest.
template <class T>
using PeakKernel = bool (*)(const T* values, int64_t count, T* peak);

// elements[i] = values[i] / peak * quanta in double, rounded to the nearest integer, halves to
// even; peak > 0.
template <class T>
using QuantiseKernel = void (*)(const T* values, int64_t count, double peak, double quanta,
                                int32_t* elements);

struct InterleaveArgs {
  const int32_t* rows;  // [width][row_stride], quantised importance of one lane each
  int64_t row_stride;   // elements; a multiple of width, and at least `channels`
  int64_t channels;
  int64_t block_size;
  int32_t* columns;  // [row_stride][width], overwritten
  int32_t* scores;   // [channels - block_size + 1][width], written: doubled block scores
};
// Returns the largest doubled score.
using InterleaveKernel = int32_t (*)(const InterleaveArgs& args);

// The optima of the lanes of a group, added up, at one penalty.
struct SweepResult {
  int64_t count;   // blocks
  uint64_t value;  // doubled scores less penalties
};

struct SweepArgs {
  const int32_t* scores;  // [starts][width], doubled
  int64_t starts;
  int64_t block_size;
  int32_t penalties[kMaxPoints];  // of a block, against doubled scores: odd, -1 or more
  int32_t* rings;                 // [points][2][block_size][width], overwritten
  SweepResult* results;           // [points], written
};
using SweepKernel = void (*)(const SweepArgs& args);

struct TraceArgs {
  const int32_t* scores;  // as above
  int64_t starts;
  int64_t block_size;
  int32_t penalty;
  int32_t* ring;   // [block_size][width], overwritten
  int32_t* words;  // [ceil(starts / 32)][width], written: bit i % 32 of word i / 32: block i kept
};
using TraceKernel = void (*)(const TraceArgs& args);

struct Kernels {
  const char* name;
  int width;            // lanes of a group
  bool (*supported)();  // by the processor at hand
  PeakKernel<float> peak_f32;
  PeakKernel<double> peak_f64;
  QuantiseKernel<float> quantise_f32;
  QuantiseKernel<double> quantise_f64;
  InterleaveKernel interleave;
  SweepKernel sweep[kMaxPoints];  // [p - 1]: for p penalties at once
  TraceKernel trace;

  bool Peak(const float* values, int64_t count, float* peak) const {
    return peak_f32(values, count, peak);
  }
  bool Peak(const double* values, int64_t count, double* peak) const {
    return peak_f64(values, count, peak);
  }
};

#if defined(__x86_64__)
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx2Kernels;
#elif defined(__aarch64__)
extern const Kernels kNeonKernels;
#endif
extern const Kernels kPortableKernels;

// All families compiled in, fastest first, then null; the last one, "portable", runs everywhere.
const Kernels* const* AllKernels();

// The family of that name, or null if there is none or the processor does not support it.
const Kernels* FindKernels(const char* name);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_KERNELS_H_
