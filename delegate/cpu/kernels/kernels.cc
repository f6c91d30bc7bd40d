#include "delegate/cpu/kernels/kernels.h"

#include <cstring>
#include <fstream>

#include "delegate/cpu/kernels/instruction_sets.h"
#include "delegate/cpu/kernels/processor.h"

namespace ubp {
namespace {

const KernelFamily& ChooseKernelFamily() {
#if defined(__aarch64__)
  // A phone often has cores of both kinds, and threads move between them. The kernels for cores that
  // execute in order are as fast as the others on those that do not (./run bench arm).
  std::ifstream cpuinfo("/proc/cpuinfo");
  return AnyCoreInOrder(cpuinfo) ? kNeonInOrderFamily : kNeonFamily;
#else
  for (const KernelFamily* family : AllKernelFamilies()) {
    if (family->supported()) return *family;
  }
  return kPortableFamily;
#endif
}

}  // namespace

const BlockKernels& KernelFamily::KernelsFor(int block_size) const {
  int best = 0;
  for (int i = 1; i < num_kernels; ++i) {
    if (kernels[i].block_size <= block_size) best = i;
  }
  return kernels[best];
}

ElementwiseKernel KernelFamily::KernelFor(Elementwise function) const {
  return elementwise[static_cast<int>(function)];
}

Elementwise ByValue(Elementwise function) {
  return function == Elementwise::kLeakyRelu ? Elementwise::kPRelu : Elementwise::kMultiplyAdd;
}

const std::vector<const KernelFamily*>& AllKernelFamilies() {
  static const auto* const families = new std::vector<const KernelFamily*> {
#if defined(__x86_64__)
    &kAvx512Family, &kAvx2Family,
#elif defined(__aarch64__)
    &kNeonFamily, &kNeonInOrderFamily,
#elif defined(__ARM_ARCH_7A__)
    &kNeonArmv7Family,
#endif
        &kPortableFamily,
  };
  return *families;
}

const KernelFamily& BestKernelFamily() {
  static const KernelFamily& best = ChooseKernelFamily();
  return best;
}

const KernelFamily* FindKernelFamily(const char* name) {
  for (const KernelFamily* family : AllKernelFamilies()) {
    if (std::strcmp(family->name, name) == 0) return family->supported() ? family : nullptr;
  }
  return nullptr;
}

}  // namespace ubp
