// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/memory_plan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "delegate/base/aligned_buffer.h"

namespace ubp {
namespace {

struct Request {
  size_t size;
  int first;
  int last;
};

struct Extent {
  size_t begin;
  size_t end;
};

// The lowest offset at which `size` fits between `taken`, which are sorted by begin.
size_t LowestGap(const std::vector<Extent>& taken, size_t size) {
  size_t offset = 0;
  for (const Extent& extent : taken) {
    if (offset + size <= extent.begin) break;
    offset = std::max(offset, extent.end);
  }
  return offset;
}

MemoryPlan Place(const std::vector<Request>& requests, size_t alignment) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].size > requests[b].size; });
  MemoryPlan plan;
  plan.offsets.resize(requests.size());
  std::vector<size_t> placed;
  for (const size_t i : order) {
    std::vector<Extent> taken;
    for (const size_t other : placed) {
      const bool overlap =
          requests[other].first <= requests[i].last && requests[i].first <= requests[other].last;
      const size_t begin = plan.offsets[other];
      // Offsets are aligned, so the end of an extent is rounded up before it can become one.
      if (overlap) taken.push_back({begin, begin + RoundUp(requests[other].size, alignment)});
    }
    std::sort(taken.begin(), taken.end(),
              [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
    plan.offsets[i] = LowestGap(taken, requests[i].size);
    plan.size = std::max(plan.size, plan.offsets[i] + RoundUp(requests[i].size, alignment));
    placed.push_back(i);
  }
  return plan;
}

// Memory for planes of one geometry, for as long as the arena lives.
struct Slot {
  size_t request;
  int buffer;      // in it last
  int busy_until;  // the last step that needs that buffer
};

// A slot that is free from `need.first` on, or given up then by a buffer that `need` is the heir of; or
// null.
Slot* FreeSlot(const BufferNeed& need, std::vector<Slot>* slots) {
  for (Slot& slot : *slots) {
    if (slot.busy_until < need.first) return &slot;
    const bool inherited =
        slot.busy_until == need.first &&
        std::find(need.heir_of.begin(), need.heir_of.end(), slot.buffer) != need.heir_of.end();
    if (inherited) return &slot;
  }
  return nullptr;
}

}  // namespace

MemoryPlan PlanMemory(const std::vector<BufferNeed>& needs, size_t alignment) {
  // By first use, so that slots see the buffers in the order in which they become busy.
  std::vector<size_t> order(needs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return needs[a].first < needs[b].first; });
  std::vector<Request> requests;
  std::vector<size_t> request_of(needs.size());
  std::map<MemoryForm, std::vector<Slot>> slots;
  for (const size_t i : order) {
    const BufferNeed& need = needs[i];
    const int buffer = static_cast<int>(i);
    request_of[i] = requests.size();
    if (need.form == MemoryForm{}) {
      requests.push_back({need.size, need.first, need.last});
      continue;
    }
    std::vector<Slot>& alike = slots[need.form];
    if (Slot* const slot = FreeSlot(need, &alike)) {
      slot->buffer = buffer;
      slot->busy_until = need.last;
      request_of[i] = slot->request;
      size_t& size = requests[slot->request].size;
      size = std::max(size, need.size);
      continue;
    }
    alike.push_back({requests.size(), buffer, need.last});
    requests.push_back(
        {need.size, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()});
  }
  MemoryPlan plan = Place(requests, alignment);
  std::vector<size_t> offsets;
  for (const size_t request : request_of) offsets.push_back(plan.offsets[request]);
  plan.offsets = std::move(offsets);
  return plan;
}

}  // namespace ubp
