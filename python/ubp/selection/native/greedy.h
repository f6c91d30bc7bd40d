// SPDX-License-Identifier: Apache-2.0
// The greedy methods: `greedy`, after CASES'19, and `bed`, after the UBP paper (arXiv 2407.19644).
// ubp/selection/layer/greedy.py and bed.py say what they do.
//
// In both, what a lane takes does not depend on other lanes, and its gains never increase. The m
// blocks that are taken from a whole layer are therefore the m largest gains of the lanes' own
// sequences: a first part of each.
#ifndef UBP_SELECTION_NATIVE_GREEDY_H_
#define UBP_SELECTION_NATIVE_GREEDY_H_

#include <cstdint>

#include "python/ubp/selection/native/blocks.h"
#include "python/ubp/selection/native/problem.h"

namespace ubp {
namespace selection {

// Write num_blocks >= 1 blocks of the problem's only layer; of equals, the first lanes' and
// channels'. `penalty` is about what the last block gains: the dual one.
void SelectGreedy(Problem* problem, int64_t num_blocks, int64_t penalty, const Blocks& blocks);
void SelectBed(Problem* problem, int64_t num_blocks, int64_t penalty, const Blocks& blocks);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_GREEDY_H_
