// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/jni/scarce_memory.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace ubp {
namespace {

long allocations_left = kEnough;

}  // namespace

void AllowAllocations(long count) { allocations_left = count; }

EnoughMemory::EnoughMemory() : left_(allocations_left) { allocations_left = kEnough; }

EnoughMemory::~EnoughMemory() { allocations_left = left_; }

}  // namespace ubp

void* operator new(size_t size) {
  if (ubp::allocations_left == 0) throw std::bad_alloc();
  if (ubp::allocations_left > 0) --ubp::allocations_left;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void operator delete(void* memory) noexcept { std::free(memory); }

void operator delete(void* memory, size_t) noexcept { std::free(memory); }
