// One kernel family per instruction set; each is defined in its own translation unit with its own
// compiler flags.
#ifndef UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SETS_H_
#define UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SETS_H_

#include "delegate/cpu/kernels/kernels.h"

namespace ubp {

#if defined(__x86_64__)
extern const KernelFamily kAvx512Family;
extern const KernelFamily kAvx2Family;
#elif defined(__aarch64__)
extern const KernelFamily kNeonFamily;
extern const KernelFamily kNeonInOrderFamily;
#elif defined(__ARM_ARCH_7A__)
extern const KernelFamily kNeonArmv7Family;
#endif
extern const KernelFamily kPortableFamily;

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INSTRUCTION_SETS_H_
