// SPDX-License-Identifier: Apache-2.0
// Memory that runs out where a test wants: this library replaces the program's operator new. For one
// thread.

#ifndef UBP_TESTS_CPP_JNI_SCARCE_MEMORY_H_
#define UBP_TESTS_CPP_JNI_SCARCE_MEMORY_H_

namespace ubp {

constexpr long kEnough = -1;

// Lets this many allocations succeed, and all after them throw std::bad_alloc; kEnough: all succeed.
void AllowAllocations(long count);

// While it lives, memory does not run out.
class EnoughMemory {
 public:
  EnoughMemory();
  ~EnoughMemory();
  EnoughMemory(const EnoughMemory&) = delete;
  EnoughMemory& operator=(const EnoughMemory&) = delete;

 private:
  const long left_;
};

}  // namespace ubp

#endif  // UBP_TESTS_CPP_JNI_SCARCE_MEMORY_H_
