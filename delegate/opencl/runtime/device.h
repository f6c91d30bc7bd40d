// SPDX-License-Identifier: Apache-2.0
// The OpenCL devices of this machine.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_DEVICE_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_DEVICE_H_

#include <CL/cl.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/opencl/runtime/quirks.h"

namespace ubp::opencl {

enum class DeviceType { kGpu, kCpu, kAccelerator, kOther };

struct Device {
  cl_platform_id platform = nullptr;
  cl_device_id id = nullptr;
  std::string platform_name;
  std::string platform_version;
  std::string name;
  std::string vendor;
  std::string version;  // "OpenCL 1.2 ..."
  std::string driver_version;
  std::string extensions;  // names with spaces between them
  DeviceType type = DeviceType::kOther;
  uint32_t compute_units = 0;
  uint32_t clock_mhz = 0;
  size_t max_work_group_size = 0;
  uint64_t max_alloc_bytes = 0;  // of one buffer
  uint64_t global_bytes = 0;
  uint64_t local_bytes = 0;
  bool unified_memory = false;  // the host's memory
  bool has_half = false;        // computes with half; storage in it every device has
  Quirks quirks;
  // Why it cannot be used, as the end of a sentence: "has OpenCL 1.1, and 1.2 is needed". Else empty.
  std::string unsuitable;
};

// All devices of all platforms, platform by platform. Fails where there is no OpenCL; a machine with
// OpenCL and no device has an empty list.
Status ListDevices(std::vector<Device>* devices);

// The device that the option gpu_device wants: "" takes the first GPU, or where there is none the
// first accelerator, or CPU; a number is the place in ListDevices; all else is a part of the name,
// whatever its case. Only devices that can be used are taken.
Status ChooseDevice(const std::string& wanted, Device* device);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_DEVICE_H_
