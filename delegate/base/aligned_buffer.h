// Memory for activations: zero-initialised floats that start on a cache line.
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

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t floats) {
    const size_t bytes = RoundUp(floats * sizeof(float), kCacheLineBytes);
    if (bytes == 0) return;
    const bool is_large = bytes >= kHugePageBytes;
    void* memory = nullptr;
    if (posix_memalign(&memory, is_large ? kHugePageBytes : kCacheLineBytes, bytes) != 0) {
      throw std::bad_alloc();
    }
    // Touching memory for the first time costs a fault for each page.
    if (is_large) madvise(memory, bytes, MADV_HUGEPAGE);
    std::memset(memory, 0, bytes);
    data_.reset(static_cast<float*>(memory));
    bytes_ = bytes;
  }

  float* data() const { return data_.get(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };

  std::unique_ptr<float, Free> data_;
  size_t bytes_ = 0;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BASE_ALIGNED_BUFFER_H_
