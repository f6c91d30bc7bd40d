// SPDX-License-Identifier: Apache-2.0
// The penalty at which exactly m blocks pay: the minimum of the Lagrangian dual, over all groups of
// a problem. ubp/selection/layer/dual.py has the mathematics, and the same search in NumPy.
#ifndef UBP_SELECTION_NATIVE_DUAL_H_
#define UBP_SELECTION_NATIVE_DUAL_H_

#include <cstdint>
#include <vector>

#include "python/ubp/selection/native/problem.h"

namespace ubp {
namespace selection {

// count(penalty) >= m >= count(penalty + 1), where count is the most blocks of an optimum.
struct Dual {
  int64_t penalty;
  int64_t value;  // the largest quantised score of m blocks
  // Blocks of each group at `penalty`, and, unless they are m in all, at penalty + 1.
  std::vector<int64_t> most;
  std::vector<int64_t> fewest;
};

// m = num_blocks is from 1 to the most that can be packed; all layers have the same penalty.
Dual MinimiseDual(Problem* problem, int64_t num_blocks);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_DUAL_H_
