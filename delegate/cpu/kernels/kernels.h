// SPDX-License-Identifier: Apache-2.0
// The list of all kernels: selection at run time, tests and benchmarks iterate over it.
#ifndef UBP_DELEGATE_CPU_KERNELS_KERNELS_H_
#define UBP_DELEGATE_CPU_KERNELS_KERNELS_H_

#include <vector>

#include "delegate/cpu/kernels/instruction_set.h"

namespace ubp {

// All instruction sets compiled in, fastest first; the last one, "portable", runs everywhere.
const std::vector<const InstructionSet*>& AllInstructionSets();

// The fastest instruction set the processor supports.
const InstructionSet& BestInstructionSet();

// The instruction set of that name, or null if there is none or the processor does not support it.
const InstructionSet* FindInstructionSet(const char* name);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_KERNELS_H_
