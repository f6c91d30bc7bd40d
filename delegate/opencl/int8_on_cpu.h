// SPDX-License-Identifier: Apache-2.0
// A device for float32, and the CPU for int8: kernels for devices have none of int8.
#ifndef UBP_DELEGATE_OPENCL_INT8_ON_CPU_H_
#define UBP_DELEGATE_OPENCL_INT8_ON_CPU_H_

#include <memory>

#include "delegate/backend/backend.h"

namespace ubp::opencl {

// A graph with an int8 tensor runs on `cpu`, any other on `device`.
std::shared_ptr<const Backend> MakeInt8OnCpu(std::shared_ptr<const Backend> device,
                                             std::shared_ptr<const Backend> cpu);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_INT8_ON_CPU_H_
