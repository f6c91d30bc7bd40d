// SPDX-License-Identifier: Apache-2.0
// The CPU, or an OpenCL device where a measurement says that it is faster.
#ifndef UBP_DELEGATE_OPENCL_FASTER_BACKEND_H_
#define UBP_DELEGATE_OPENCL_FASTER_BACKEND_H_

#include <functional>
#include <memory>
#include <string>

#include "delegate/backend/backend.h"
#include "delegate/opencl/opencl_backend.h"

namespace ubp::opencl {

struct FasterOptions {
  BackendOptions device;  // with `tune`, graphs that the cache has no record of are measured
  // For the user: why a device is not used, once, and what was measured.
  std::function<void(const std::string& sentence, bool is_warning)> tell;
};

// Claims, costs and blocks are the CPU's. A graph of a kind that was measured before, with these shapes
// and threads, and was clearly faster on the device, runs there; every other runs on the CPU, and so
// does one that the device fails to compile. Records are in the device's cache directory; without one,
// the device is not even looked for.
std::shared_ptr<const Backend> MakeFasterBackend(std::shared_ptr<const Backend> cpu,
                                                 const FasterOptions& options);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_FASTER_BACKEND_H_
