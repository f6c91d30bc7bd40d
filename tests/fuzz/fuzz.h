// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets are made of.
//
// A target is the function LLVMFuzzerTestOneInput, which takes any bytes, has the delegate read them and requires of the result what
// must hold for every input. libFuzzer calls it under the sanitizers with inputs that it makes; replay.cc with those in corpus/.
#ifndef UBP_TESTS_FUZZ_FUZZ_H_
#define UBP_TESTS_FUZZ_FUZZ_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Ends the process, which is how a target tells of a finding, unless `condition` holds.
#define UBP_REQUIRE(condition)                                                           \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

namespace ubp {

// Takes an input apart from its front; where it has ended, everything is zero.
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : next_(data), end_(data + size) {}

  bool empty() const { return next_ == end_; }

  // Any value of a type that may have any bytes.
  template <typename T>
  T Take() {
    T value{};
    const size_t bytes = std::min(sizeof(T), static_cast<size_t>(end_ - next_));
    if (bytes > 0) std::memcpy(&value, next_, bytes);
    next_ += bytes;
    return value;
  }
  bool Flag() { return (Take<uint8_t>() & 1) != 0; }
  // 0 .. count - 1, of at most 256.
  int Below(int count) { return Take<uint8_t>() % count; }
  int Between(int min, int max) { return min + Below(max - min + 1); }

  // Up to `size` bytes, in memory of just their size, so that a sanitizer sees what is read behind them.
  std::vector<uint8_t> Bytes(size_t size) {
    const uint8_t* const begin = next_;
    next_ += std::min(size, static_cast<size_t>(end_ - next_));
    return std::vector<uint8_t>(begin, next_);
  }
  std::vector<uint8_t> Rest() { return Bytes(static_cast<size_t>(end_ - next_)); }

 private:
  const uint8_t* next_;
  const uint8_t* end_;
};

}  // namespace ubp

#endif  // UBP_TESTS_FUZZ_FUZZ_H_
