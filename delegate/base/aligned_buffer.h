// SPDX-License-Identifier: Apache-2.0
// Memory that starts on a cache line.
#ifndef UBP_DELEGATE_BASE_ALIGNED_BUFFER_H_
#define UBP_DELEGATE_BASE_ALIGNED_BUFFER_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace ubp {

inline constexpr size_t kCacheLineBytes = 64;

// Of the pages that the system is asked for where a buffer is as large.
inline constexpr size_t kHugePageBytes = size_t{2} << 20;

// Rounds `value` up to a multiple of `unit`.
constexpr size_t RoundUp(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

// Not initialised.
template <class T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(size_t elements) {
    const size_t bytes = RoundUp(elements * sizeof(T), kCacheLineBytes);
    if (bytes == 0) return;
    const bool is_large = bytes >= kHugePageBytes;
    void* memory = nullptr;
    if (posix_memalign(&memory, is_large ? kHugePageBytes : kCacheLineBytes, bytes) != 0) {
      throw std::bad_alloc();
    }
    // Touching memory for the first time costs a fault for each page.
    if (is_large) madvise(memory, bytes, MADV_HUGEPAGE);
    data_.reset(static_cast<T*>(memory));
    bytes_ = bytes;
  }

  T* data() const { return data_.get(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };

  std::unique_ptr<T, Free> data_;
  size_t bytes_ = 0;
};

// Zeros.
class AlignedBuffer : public AlignedArray<float> {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t floats) : AlignedArray(floats) {
    if (bytes() > 0) std::memset(data(), 0, bytes());
  }
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BASE_ALIGNED_BUFFER_H_
