// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/kernel.h"

#include "delegate/opencl/runtime/context.h"

namespace ubp::opencl {

Kernel::~Kernel() {
  if (handle_ != nullptr && context_->IsUsable()) context_->api().clReleaseKernel(handle_);
}

Status Kernel::SetBytes(unsigned index, size_t bytes, const void* value) {
  UBP_RETURN_IF_ERROR(context_->health());
  const cl_int code = context_->api().clSetKernelArg(handle_, index, bytes, value);
  if (code == CL_SUCCESS) return Status::Ok();
  return context_->Failure(code, "clSetKernelArg of argument " + std::to_string(index) +
                                     " of the kernel '" + name_ + "'");
}

}  // namespace ubp::opencl
