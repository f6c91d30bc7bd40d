// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "delegate/bench/fma_loop.h"
#include "delegate/bench/stream_loop.h"

namespace ubp {

#if defined(__x86_64__)
extern const FmaLoop kAvx512FmaLoop;
extern const FmaLoop kAvx2FmaLoop;
extern const StreamLoops kAvx512StreamLoops;
extern const StreamLoops kAvx2StreamLoops;
#elif defined(__aarch64__)
extern const FmaLoop kNeonFmaLoop;
extern const StreamLoops kNeonStreamLoops;
#elif defined(__ARM_ARCH_7A__)
extern const FmaLoop kNeonArmv7FmaLoop;
extern const StreamLoops kNeonArmv7StreamLoops;
#endif
extern const FmaLoop kPortableFmaLoop;
extern const StreamLoops kPortableStreamLoops;

namespace {

struct Loops {
  const char* isa;
  const FmaLoop* fma;
  const StreamLoops* stream;
};

const Loops kLoops[] = {
#if defined(__x86_64__)
    {"avx512", &kAvx512FmaLoop, &kAvx512StreamLoops},
    {"avx2", &kAvx2FmaLoop, &kAvx2StreamLoops},
#elif defined(__aarch64__)
    {"neon", &kNeonFmaLoop, &kNeonStreamLoops},
    {"neon_in_order", &kNeonFmaLoop, &kNeonStreamLoops},
#elif defined(__ARM_ARCH_7A__)
    {"neon", &kNeonArmv7FmaLoop, &kNeonArmv7StreamLoops},
#endif
    {"portable", &kPortableFmaLoop, &kPortableStreamLoops},
};

const Loops* FindLoops(const char* isa) {
  for (const Loops& entry : kLoops) {
    if (std::strcmp(entry.isa, isa) == 0) return &entry;
  }
  return nullptr;
}

}  // namespace

const FmaLoop* FindFmaLoop(const char* isa) {
  const Loops* const found = FindLoops(isa);
  return found == nullptr ? nullptr : found->fma;
}

const StreamLoops* FindStreamLoops(const char* isa) {
  const Loops* const found = FindLoops(isa);
  return found == nullptr ? nullptr : found->stream;
}

}  // namespace ubp
