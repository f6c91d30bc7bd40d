// SPDX-License-Identifier: Apache-2.0
// Aligned blocks: the m best of those that start at a multiple of N; of equals, the first ones.
#ifndef UBP_SELECTION_NATIVE_ALIGNED_H_
#define UBP_SELECTION_NATIVE_ALIGNED_H_

#include <cstdint>

#include "python/ubp/selection/native/blocks.h"
#include "python/ubp/selection/native/problem.h"

namespace ubp {
namespace selection {

// Writes num_blocks >= 1 blocks of the problem's only layer.
void SelectAligned(Problem* problem, int64_t num_blocks, const Blocks& blocks);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_ALIGNED_H_
