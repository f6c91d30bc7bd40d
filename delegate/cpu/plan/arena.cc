#include "delegate/cpu/plan/arena.h"

#include <algorithm>
#include <numeric>

#include "delegate/base/aligned_buffer.h"

namespace ubp {
namespace {

struct Extent {
  size_t begin;
  size_t end;
};

// The lowest offset at which `floats` fit between `taken`, which are sorted by begin.
size_t LowestGap(const std::vector<Extent>& taken, size_t floats) {
  size_t offset = 0;
  for (const Extent& extent : taken) {
    if (offset + floats <= extent.begin) break;
    offset = std::max(offset, extent.end);
  }
  return offset;
}

}  // namespace

ArenaLayout PlanMemory(const std::vector<BufferRequest>& requests) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].floats > requests[b].floats; });
  ArenaLayout layout;
  layout.offsets.resize(requests.size());
  std::vector<size_t> placed;
  for (const size_t i : order) {
    std::vector<Extent> taken;
    for (const size_t other : placed) {
      const bool overlap =
          requests[other].first <= requests[i].last && requests[i].first <= requests[other].last;
      const size_t begin = layout.offsets[other];
      if (overlap) taken.push_back({begin, begin + requests[other].floats});
    }
    std::sort(taken.begin(), taken.end(),
              [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
    const size_t line = kCacheLineBytes / sizeof(float);
    // All offsets are whole lines, so the end of an extent is rounded up before it can become one.
    for (Extent& extent : taken) extent.end = RoundUp(extent.end, line);
    layout.offsets[i] = LowestGap(taken, requests[i].floats);
    layout.floats = std::max(layout.floats, layout.offsets[i] + RoundUp(requests[i].floats, line));
    placed.push_back(i);
  }
  return layout;
}

}  // namespace ubp
