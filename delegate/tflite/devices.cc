// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/devices.h"

#include <locale>
#include <ostream>
#include <sstream>
#include <vector>

#include "delegate/cpu/kernels/kernels.h"
#include "delegate/opencl/runtime/api.h"
#include "delegate/opencl/runtime/device.h"
#include "delegate/tflite/json_file.h"
#include "delegate/tflite/version.h"

namespace ubp {
namespace {

using opencl::Device;
using opencl::DeviceType;

std::string TypeName(DeviceType type) {
  switch (type) {
    case DeviceType::kGpu:
      return "gpu";
    case DeviceType::kCpu:
      return "cpu";
    case DeviceType::kAccelerator:
      return "accelerator";
    case DeviceType::kOther:
      break;
  }
  return "other";
}

void Print(const std::vector<std::string>& texts, std::ostream& out) {
  out << "[";
  for (size_t i = 0; i < texts.size(); ++i) out << (i == 0 ? "" : ", ") << Quoted{texts[i]};
  out << "]";
}

void Print(const Device& device, bool chosen, std::ostream& out) {
  const std::string type = TypeName(device.type);
  out << "{\"name\": " << Quoted{device.name} << ", \"type\": " << Quoted{type}
      << ", \"vendor\": " << Quoted{device.vendor} << ", \"version\": " << Quoted{device.version}
      << ", \"driver\": " << Quoted{device.driver_version}
      << ", \"platform\": " << Quoted{device.platform_name}
      << ", \"platform_version\": " << Quoted{device.platform_version}
      << ", \"compute_units\": " << device.compute_units << ", \"clock_mhz\": " << device.clock_mhz
      << ", \"memory_bytes\": " << device.global_bytes
      << ", \"buffer_bytes\": " << device.max_alloc_bytes
      << ", \"local_bytes\": " << device.local_bytes
      << ", \"work_group_size\": " << device.max_work_group_size
      << ", \"unified_memory\": " << device.unified_memory << ", \"fp16\": " << device.has_half
      << ", \"quirks\": ";
  Print(device.quirks.notes, out);
  out << ", \"unsuitable\": " << Quoted{device.unsuitable} << ", \"chosen\": " << chosen << "}";
}

}  // namespace

std::string DevicesJson() {
  std::vector<Device> devices;
  Device chosen;
  Status status = opencl::ListDevices(&devices);
  if (status.ok()) status = opencl::ChooseDevice("", &chosen);
  const opencl::Api* api = nullptr;
  const std::string library = opencl::LoadApi(&api).ok() ? api->library : "";
  const std::string kernel = BestInstructionSet().name;
  std::ostringstream json;
  json.imbue(std::locale::classic());
  json << std::boolalpha << "{\"version\": " << Quoted{UBP_VERSION}
       << ", \"kernel\": " << Quoted{kernel} << ", \"library\": " << Quoted{library}
       << ", \"error\": " << Quoted{status.message()} << ", \"devices\": [";
  for (size_t i = 0; i < devices.size(); ++i) {
    json << (i == 0 ? "\n  " : ",\n  ");
    Print(devices[i], status.ok() && devices[i].id == chosen.id, json);
  }
  json << "]}\n";
  return json.str();
}

}  // namespace ubp
