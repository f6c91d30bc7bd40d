// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "delegate/bench/fma_loop.h"

namespace ubp {

#if defined(__x86_64__)
extern const FmaLoop kAvx512FmaLoop;
extern const FmaLoop kAvx2FmaLoop;
#elif defined(__aarch64__)
extern const FmaLoop kNeonFmaLoop;
#elif defined(__ARM_ARCH_7A__)
extern const FmaLoop kNeonArmv7FmaLoop;
#endif
extern const FmaLoop kPortableFmaLoop;

const FmaLoop* FindFmaLoop(const char* isa) {
  static const struct {
    const char* isa;
    const FmaLoop* loop;
  } kLoops[] = {
#if defined(__x86_64__)
    {"avx512", &kAvx512FmaLoop},
    {"avx2", &kAvx2FmaLoop},
#elif defined(__aarch64__)
    {"neon", &kNeonFmaLoop},
    {"neon_in_order", &kNeonFmaLoop},
#elif defined(__ARM_ARCH_7A__)
    {"neon", &kNeonArmv7FmaLoop},
#endif
    {"portable", &kPortableFmaLoop},
  };
  for (const auto& entry : kLoops) {
    if (std::strcmp(entry.isa, isa) == 0) return entry.loop;
  }
  return nullptr;
}

}  // namespace ubp
