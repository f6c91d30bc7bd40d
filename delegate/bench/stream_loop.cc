// SPDX-License-Identifier: Apache-2.0
// Compiled once per instruction set, with
//   UBP_STREAM_LOOPS  the name of the loops defined here
//   UBP_FMA_WIDTH     floats per vector

#include "delegate/bench/stream_loop.h"

#include <utility>

namespace ubp {
namespace {

typedef float Vec __attribute__((vector_size(UBP_FMA_WIDTH * sizeof(float)), may_alias));

constexpr int kUnroll = 8;  // vectors: independent sums, so that none waits for the one before
constexpr size_t kFloats = size_t{kUnroll} * UBP_FMA_WIDTH;
static_assert(kStreamUnit % kFloats == 0, "the loops end with the memory");

// So that the compiler makes no call of memset or memcpy of a loop.
inline void ForgetMemory() { asm volatile("" ::: "memory"); }

template <int... I>
float Load(const float* from, size_t floats, std::integer_sequence<int, I...>) {
  Vec sums[] = {(static_cast<void>(I), Vec{})...};
  for (const float* const end = from + floats; from < end; from += kFloats) {
    const Vec* const vectors = reinterpret_cast<const Vec*>(from);
    ((sums[I] += vectors[I]), ...);
  }
  const Vec sum = (sums[I] + ...);
  float total = 0;
  for (int i = 0; i < UBP_FMA_WIDTH; ++i) total += sum[i];
  return total;
}

template <int... I>
void Store(float* to, size_t floats, float value, std::integer_sequence<int, I...>) {
  const Vec vector = Vec{} + value;
  for (float* const end = to + floats; to < end; to += kFloats) {
    ((reinterpret_cast<Vec*>(to)[I] = vector), ...);
    ForgetMemory();
  }
}

template <int... I>
void Copy(const float* from, float* to, size_t floats, std::integer_sequence<int, I...>) {
  for (const float* const end = from + floats; from < end; from += kFloats, to += kFloats) {
    const Vec vectors[] = {reinterpret_cast<const Vec*>(from)[I]...};
    ((reinterpret_cast<Vec*>(to)[I] = vectors[I]), ...);
    ForgetMemory();
  }
}

constexpr auto kIndices = std::make_integer_sequence<int, kUnroll>();

float LoadAll(const float* from, size_t floats) { return Load(from, floats, kIndices); }
void StoreAll(float* to, size_t floats, float value) { Store(to, floats, value, kIndices); }
void CopyAll(const float* from, float* to, size_t floats) { Copy(from, to, floats, kIndices); }

}  // namespace

extern const StreamLoops UBP_STREAM_LOOPS;
const StreamLoops UBP_STREAM_LOOPS = {&LoadAll, &StoreAll, &CopyAll};

}  // namespace ubp
