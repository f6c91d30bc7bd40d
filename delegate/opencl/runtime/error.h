// SPDX-License-Identifier: Apache-2.0
// OpenCL's errors in words.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_ERROR_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_ERROR_H_

#include <CL/cl.h>

#include <string>

namespace ubp::opencl {

// "CL_OUT_OF_RESOURCES"; "error -9999" of one that is not in OpenCL 1.2.
std::string ErrorName(cl_int code);

// The device has no memory left, or not in one piece.
bool IsOutOfMemory(cl_int code);

// After such a code nothing can be expected of the device any more.
bool IsFatal(cl_int code);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_ERROR_H_
