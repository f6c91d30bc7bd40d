// One instruction set per instruction set; each is defined in its own translation unit with its own
// compiler flags.
#ifndef UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SETS_H_
#define UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SETS_H_

#include "delegate/cpu/kernels/kernels.h"

namespace ubp {

#if defined(__x86_64__)
extern const InstructionSet kAvx512;
extern const InstructionSet kAvx2;
#elif defined(__aarch64__)
extern const InstructionSet kNeon;
extern const InstructionSet kNeonInOrder;
#elif defined(__ARM_ARCH_7A__)
extern const InstructionSet kNeonArmv7;
#endif
extern const InstructionSet kPortable;

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SETS_H_
