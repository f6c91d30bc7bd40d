// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/kernels.h"

#include <cstring>

namespace ubp {
namespace selection {

const Kernels* const* AllKernels() {
  static const Kernels* const kAll[] = {
#if defined(__x86_64__)
    &kAvx512Kernels,
    &kAvx2Kernels,
#elif defined(__aarch64__)
    &kNeonKernels,
#endif
    &kPortableKernels,
    nullptr,
  };
  return kAll;
}

const Kernels* FindKernels(const char* name) {
  for (const Kernels* const* each = AllKernels(); *each != nullptr; ++each) {
    if (std::strcmp((*each)->name, name) == 0) return (*each)->supported() ? *each : nullptr;
  }
  return nullptr;
}

}  // namespace selection
}  // namespace ubp
