// SPDX-License-Identifier: Apache-2.0
// What the benchmark of block selection measures against: textbook forms of two algorithms, in a
// shared library of their own (libselection_peers.so).
//
// elements [lanes, channels] int32: quantised importance, such that a block's score is below 2^30.
// A block is `block_size` consecutive channels of one lane. num_blocks blocks must fit.
#ifndef UBP_BENCH_SELECTION_PEERS_H_
#define UBP_BENCH_SELECTION_PEERS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Block expansion and division (arXiv 2407.19644) with one heap of all candidate blocks: takes the
// num_blocks best, and sets taken [lanes, channels] to 1 where an element is in one of them. Fewer
// than 2^34 elements, those at the ends of lanes counted twice more.
void ubp_heap_bed(const int32_t* elements, int64_t lanes, int64_t channels, int64_t block_size,
                  int64_t num_blocks, uint8_t* taken);

// The largest score of exactly num_blocks blocks, by a dynamic programme over elements and numbers
// of blocks: O(elements * num_blocks) time.
int64_t ubp_best_score(const int32_t* elements, int64_t lanes, int64_t channels, int64_t block_size,
                       int64_t num_blocks);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // UBP_BENCH_SELECTION_PEERS_H_
