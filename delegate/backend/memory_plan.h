// SPDX-License-Identifier: Apache-2.0
// One arena for all buffers of a program: buffers that are not needed at the same time share memory.
#ifndef UBP_DELEGATE_BACKEND_MEMORY_PLAN_H_
#define UBP_DELEGATE_BACKEND_MEMORY_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ubp {

// Of planes: all numbers of their geometry, not all zero, and what lies around their pixels.
using MemoryForm = std::array<int64_t, 6>;

// A buffer, needed from step `first` to step `last`, both included.
struct BufferNeed {
  size_t size = 0;  // in any unit
  int first = 0;
  int last = 0;
  // Planes of one form share memory only with each other: so what lies around their pixels, written once
  // when the arena is made, stays. Zeros for all that is no planes.
  MemoryForm form = {};
  // Of planes: buffers that are needed up to `first`, whose memory it may take over then.
  std::vector<int> heir_of;
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // of each buffer, multiples of the alignment
  size_t size = 0;              // of the arena
};

// Places the largest first, each at the lowest offset where nothing of an overlapping lifetime lies.
// `alignment` is in the unit of sizes.
MemoryPlan PlanMemory(const std::vector<BufferNeed>& needs, size_t alignment);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_MEMORY_PLAN_H_
