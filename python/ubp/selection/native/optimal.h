// SPDX-License-Identifier: Apache-2.0
// The exact optimum: the groups' best blocks at the dual penalty, with ties resolved to exactly m.
// ubp/selection/layer/optimal.py says how and why.
#ifndef UBP_SELECTION_NATIVE_OPTIMAL_H_
#define UBP_SELECTION_NATIVE_OPTIMAL_H_

#include <cstdint>
#include <vector>

#include "python/ubp/selection/native/blocks.h"
#include "python/ubp/selection/native/dual.h"
#include "python/ubp/selection/native/problem.h"

namespace ubp {
namespace selection {

// Writes the best num_blocks blocks; `dual` is from MinimiseDual. Where a tie leaves a choice, the
// first lanes get more blocks and the last lanes fewer. Returns the number of blocks of each group.
std::vector<int64_t> SelectOptimal(Problem* problem, const Dual& dual, int64_t num_blocks,
                                   const Blocks& blocks);

// Writes the best blocks of every layer at its penalty [layers]; of equals, those with the most
// blocks, whose number is as from Problem::Solve.
void SelectAt(Problem* problem, const int64_t* penalties, const Blocks& blocks);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_OPTIMAL_H_
