// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/kernels/kernels.h"

#include <cstring>
#include <fstream>

#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/cpu/kernels/processor.h"

namespace ubp {
namespace {

const InstructionSet& ChooseInstructionSet() {
#if defined(__aarch64__)
  // A phone often has cores of both kinds, and threads move between them. The kernels for cores that
  // execute in order are as fast as the others on those that do not (./run bench arm).
  std::ifstream cpuinfo("/proc/cpuinfo");
  return AnyCoreInOrder(cpuinfo) ? kNeonInOrder : kNeon;
#else
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (isa->supported()) return *isa;
  }
  return kPortable;
#endif
}

}  // namespace

const BlockKernels& InstructionSet::KernelsFor(int block_size) const {
  int best = 0;
  for (int i = 1; i < num_kernels; ++i) {
    if (kernels[i].block_size <= block_size) best = i;
  }
  return kernels[best];
}

ElementwiseKernel InstructionSet::KernelFor(Elementwise function) const {
  return elementwise[static_cast<int>(function)];
}

Elementwise ByValue(Elementwise function) {
  return function == Elementwise::kLeakyRelu ? Elementwise::kPRelu : Elementwise::kMultiplyAdd;
}

bool KeepsZero(Elementwise function) {
  switch (function) {
    case Elementwise::kScale:
    case Elementwise::kLogistic:
    case Elementwise::kExp:
    case Elementwise::kLog:
    case Elementwise::kSoftplus:
      return false;
    default:
      return true;
  }
}

const std::vector<const InstructionSet*>& AllInstructionSets() {
  static const auto* const isas = new std::vector<const InstructionSet*> {
#if defined(__x86_64__)
    &kAvx512, &kAvx2,
#elif defined(__aarch64__)
    &kNeon, &kNeonInOrder,
#elif defined(__ARM_ARCH_7A__)
    &kNeonArmv7,
#endif
        &kPortable,
  };
  return *isas;
}

const InstructionSet& BestInstructionSet() {
  static const InstructionSet& best = ChooseInstructionSet();
  return best;
}

const InstructionSet* FindInstructionSet(const char* name) {
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (std::strcmp(isa->name, name) == 0) return isa->supported() ? isa : nullptr;
  }
  return nullptr;
}

}  // namespace ubp
