// One arena for all buffers of a plan: buffers that are not needed at the same time share memory.
#ifndef UBP_DELEGATE_CPU_PLAN_ARENA_H_
#define UBP_DELEGATE_CPU_PLAN_ARENA_H_

#include <cstddef>
#include <vector>

namespace ubp {

// Needed from step `first` to step `last`, both included.
struct BufferRequest {
  size_t floats;
  int first;
  int last;
};

struct ArenaLayout {
  std::vector<size_t> offsets;  // of each request, in floats, whole cache lines
  size_t floats = 0;            // of the arena
};

// Places the largest buffers first, each at the lowest offset where no buffer of an overlapping
// lifetime lies.
ArenaLayout PlanMemory(const std::vector<BufferRequest>& requests);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_ARENA_H_
