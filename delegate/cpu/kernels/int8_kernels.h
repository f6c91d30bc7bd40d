// SPDX-License-Identifier: Apache-2.0
// The list of all int8 kernels: selection at run time, tests and benchmarks iterate over it.
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_KERNELS_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_KERNELS_H_

#include <vector>

#include "delegate/cpu/kernels/int8_instruction_set.h"

namespace ubp {

// All that are compiled in, fastest first; the last ones, "portable", run everywhere.
const std::vector<const Int8Kernels*>& AllInt8Kernels();

// The fastest kernels that the processor supports; null where it has no dot products of int8: there
// int8 is no faster than float32.
const Int8Kernels* BestInt8Kernels();

// The kernels of that name, or null if there are none or the processor does not support them.
const Int8Kernels* FindInt8Kernels(const char* name);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_KERNELS_H_
