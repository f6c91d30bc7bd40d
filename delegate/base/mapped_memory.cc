// SPDX-License-Identifier: Apache-2.0
#include "delegate/base/mapped_memory.h"

#if defined(__linux__)

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace ubp {
namespace {

// Of a line of /proc/self/maps.
struct Mapping {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  char permissions[5] = "";
  unsigned long inode = 0;

  // Only of those is it documented that advice to drop pages loses nothing (madvise(2)).
  bool is_shared_file() const { return permissions[3] == 's' && inode != 0; }
};

bool Parse(const std::string& line, Mapping* mapping) {
  return std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s %*x %*x:%*x %lu", &mapping->begin,
                     &mapping->end, mapping->permissions, &mapping->inode) == 4;
}

// The whole pages of `range` that are in `mapping`.
void Release(const Mapping& mapping, const MemoryRange& range, uintptr_t page) {
  const auto first = reinterpret_cast<uintptr_t>(range.begin);
  const uintptr_t begin = std::max(mapping.begin, (first + page - 1) / page * page);
  const uintptr_t end = std::min(mapping.end, (first + range.size) / page * page);
  // Advice: that it is not taken does no harm.
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

void ReleaseMappedMemory(const std::vector<MemoryRange>& ranges) {
  if (ranges.empty()) return;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    Mapping mapping;
    if (!Parse(line, &mapping) || !mapping.is_shared_file()) continue;
    for (const MemoryRange& range : ranges) Release(mapping, range, page);
  }
}

}  // namespace ubp

#else

namespace ubp {

void ReleaseMappedMemory(const std::vector<MemoryRange>&) {}

}  // namespace ubp

#endif
