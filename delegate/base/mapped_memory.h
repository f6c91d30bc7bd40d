// SPDX-License-Identifier: Apache-2.0
// Memory that is a mapping of a file, as a model is that the interpreter has opened by its path.
#ifndef UBP_DELEGATE_BASE_MAPPED_MEMORY_H_
#define UBP_DELEGATE_BASE_MAPPED_MEMORY_H_

#include <cstddef>
#include <vector>

namespace ubp {

struct MemoryRange {
  const void* begin = nullptr;
  size_t size = 0;  // bytes
};

// Tells the system that these ranges will not be read soon. Their whole pages, as far as they are
// in shared mappings of files, no longer count as memory of this process; they stay what they are,
// and come back from the system's file cache or the file when they are read. All other memory is
// left alone: a model given as bytes, say. Only Linux, Android included, can tell; elsewhere
// nothing happens.
void ReleaseMappedMemory(const std::vector<MemoryRange>& ranges);

}  // namespace ubp

#endif  // UBP_DELEGATE_BASE_MAPPED_MEMORY_H_
