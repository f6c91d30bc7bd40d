// SPDX-License-Identifier: Apache-2.0
// PoCL's device, for tests: OpenCL on the CPU.
#ifndef UBP_TESTS_CPP_OPENCL_POCL_H_
#define UBP_TESTS_CPP_OPENCL_POCL_H_

#include "delegate/opencl/runtime/context.h"

namespace ubp::opencl {

// The context of PoCL's device, or of the device that OCL_ICD_VENDORS leaves, as under Oclgrind. What
// PoCL compiles is kept in the directory of the test's temporary files. Ends the program where there
// is no device: tests are not to be passed over.
Context* PoclContext();

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_POCL_H_
