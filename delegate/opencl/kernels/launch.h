// SPDX-License-Identifier: Apache-2.0
// A kernel that is ready to run.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_LAUNCH_H_
#define UBP_DELEGATE_OPENCL_KERNELS_LAUNCH_H_

#include <string>

#include "delegate/opencl/runtime/kernel.h"
#include "delegate/opencl/runtime/queue.h"

namespace ubp::opencl {

// What Queue::Run is given.
struct Launch {
  Kernel kernel;  // with its arguments
  Size3 global;
  Size3 local;
  std::string label;  // family and variant: "sparse_convolution N=4 V=4"
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_LAUNCH_H_
