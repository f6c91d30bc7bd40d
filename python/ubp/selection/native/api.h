// SPDX-License-Identifier: Apache-2.0
// The C interface of libubp_selection.so. binding.py is its user, and checks all arguments first:
// nothing is checked here.
//
// Arrays are the caller's, in C order. A function that returns int returns 0, or
//   1  memory does not suffice
//   2  the threads cannot be started
// and has then written nothing of use. A handle is used by one thread at a time.
#ifndef UBP_SELECTION_NATIVE_API_H_
#define UBP_SELECTION_NATIVE_API_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Raised with every change of this interface.
#define UBP_SELECTION_INTERFACE 1
int ubp_selection_interface(void);

// The name of a kernel family that this processor can run, fastest first; null past the last one.
const char* ubp_selection_family(int index);

// Returns 1 if all values [count] of 4 or 8 bytes are finite and >= 0, and 0 otherwise; *peak is
// then the largest.
int ubp_selection_peak(const char* family, const void* values, int64_t value_bytes, int64_t count,
                       double* peak);

typedef struct {
  const void* importance;  // [lanes, channels] float or double, finite and >= 0; kept, not copied
  int64_t value_bytes;     // 4 or 8
  int64_t lanes;
  int64_t channels;
  int64_t block_size;  // N, 1 .. channels
  double peak;         // > 0: the importance that becomes `quanta`, rounded to an integer
  double quanta;       // such that N elements add up to at most 2^29 + N
} UbpSelectionLayer;

typedef struct UbpSelection UbpSelection;

// Prepares layers; `threads` includes the caller's. *selection is closed by its owner.
int ubp_selection_open(const char* family, int threads, int64_t num_layers,
                       const UbpSelectionLayer* layers, UbpSelection** selection);
void ubp_selection_close(UbpSelection* selection);

// The best block's score of each layer, max_scores [layers].
void ubp_selection_max_scores(const UbpSelection* selection, int64_t* max_scores);

// The best blocks of every layer when each costs `penalties` [points, layers], any int64; of equals
// those with the most blocks. Writes counts and values [points, layers]; a value is a total score
// from which no penalties are subtracted.
int ubp_selection_evaluate(UbpSelection* selection, int64_t points, const int64_t* penalties,
                           int64_t* counts, int64_t* values);

// These blocks themselves, for penalties [layers]: lanes and starts [sum of the counts].
int ubp_selection_trace(UbpSelection* selection, const int64_t* penalties, int64_t* lanes,
                        int64_t* starts);

typedef enum {
  kUbpSelectionOptimal = 0,  // over all layers; the others are for a single layer
  kUbpSelectionAligned = 1,
  kUbpSelectionGreedy = 2,
  kUbpSelectionBed = 3,
} UbpSelectionMethod;

typedef struct {
  int64_t penalty;  // the Lagrangian dual's optimum
  int64_t value;    // the largest score of num_blocks blocks that start anywhere
} UbpSelectionDual;

// Selects exactly num_blocks blocks, from 1 to the most that can be packed: lanes and starts
// [num_blocks], sorted by layer, lane and start. Writes how many are of each layer, counts
// [layers], and the importance in them, sums [layers].
int ubp_selection_select(UbpSelection* selection, UbpSelectionMethod method, int64_t num_blocks,
                         int64_t* lanes, int64_t* starts, int64_t* counts, double* sums,
                         UbpSelectionDual* dual);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // UBP_SELECTION_NATIVE_API_H_
