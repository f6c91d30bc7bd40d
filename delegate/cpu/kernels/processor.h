// SPDX-License-Identifier: Apache-2.0
// What kind of cores this machine has.
#ifndef UBP_DELEGATE_CPU_KERNELS_PROCESSOR_H_
#define UBP_DELEGATE_CPU_KERNELS_PROCESSOR_H_

#include <istream>

namespace ubp {

// Whether any core that `cpuinfo` lists, the text of Linux's /proc/cpuinfo, is an Arm core known to
// execute instructions in the order of the program. Phones often have such cores beside others.
bool AnyCoreInOrder(std::istream& cpuinfo);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_PROCESSOR_H_
