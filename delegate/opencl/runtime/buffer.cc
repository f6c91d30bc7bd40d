// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/buffer.h"

#include "delegate/opencl/runtime/context.h"

namespace ubp::opencl {

Buffer::~Buffer() {
  if (handle_ == nullptr) return;
  context_->counters().buffer_bytes -= bytes_;
  // A device that is lost may never answer.
  if (context_->IsUsable()) context_->api().clReleaseMemObject(handle_);
}

}  // namespace ubp::opencl
