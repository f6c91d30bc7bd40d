// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/kernels/int8_kernels.h"

#include <cstring>

namespace ubp {
namespace {

const Int8Kernels* ChooseInt8Kernels() {
  for (const Int8Kernels* kernels : AllInt8Kernels()) {
    if (kernels != &kInt8Portable && kernels->supported()) return kernels;
  }
  return nullptr;
}

}  // namespace

const QuadBlockKernels& Int8Kernels::KernelsFor(int block_size) const {
  int index = 0;
  while (index + 1 < kNumQuadBlockSizes && convolution[index].block_size < block_size) ++index;
  return convolution[index];
}

const std::vector<const Int8Kernels*>& AllInt8Kernels() {
  static const auto* const all = new std::vector<const Int8Kernels*> {
#if defined(__x86_64__)
    &kInt8Avx512Vnni, &kInt8AvxVnni,
#elif defined(__aarch64__)
    &kInt8NeonDot,
#endif
        &kInt8Portable,
  };
  return *all;
}

const Int8Kernels* BestInt8Kernels() {
  static const Int8Kernels* const best = ChooseInt8Kernels();
  return best;
}

const Int8Kernels* FindInt8Kernels(const char* name) {
  for (const Int8Kernels* kernels : AllInt8Kernels()) {
    if (std::strcmp(kernels->name, name) == 0) return kernels->supported() ? kernels : nullptr;
  }
  return nullptr;
}

}  // namespace ubp
