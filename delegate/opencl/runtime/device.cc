// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/device.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "delegate/opencl/runtime/api.h"
#include "delegate/opencl/runtime/error.h"

namespace ubp::opencl {
namespace {

constexpr cl_int kNoPlatform = -1001;  // CL_PLATFORM_NOT_FOUND_KHR

// Reads what clGetPlatformInfo and clGetDeviceInfo tell, and remembers the first error.
class InfoReader {
 public:
  InfoReader(const Api& api, cl_device_id device) : api_(api), device_(device) {}

  std::string Text(cl_device_info what) {
    size_t size = 0;
    if (!Check(api_.clGetDeviceInfo(device_, what, 0, nullptr, &size)) || size == 0) return "";
    std::string text(size, '\0');
    if (!Check(api_.clGetDeviceInfo(device_, what, size, text.data(), nullptr))) return "";
    return Trimmed(std::move(text));
  }

  template <class T>
  T Number(cl_device_info what) {
    T value{};
    Check(api_.clGetDeviceInfo(device_, what, sizeof(value), &value, nullptr));
    return value;
  }

  cl_int code() const { return code_; }

  // Up to the first zero, without spaces around it.
  static std::string Trimmed(std::string text) {
    text.resize(text.find('\0') == std::string::npos ? text.size() : text.find('\0'));
    const size_t begin = text.find_first_not_of(' ');
    if (begin == std::string::npos) return "";
    return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
  }

 private:
  bool Check(cl_int code) {
    if (code_ == CL_SUCCESS) code_ = code;
    return code == CL_SUCCESS;
  }

  const Api& api_;
  cl_device_id device_;
  cl_int code_ = CL_SUCCESS;
};

std::string PlatformText(const Api& api, cl_platform_id platform, cl_platform_info what) {
  size_t size = 0;
  if (api.clGetPlatformInfo(platform, what, 0, nullptr, &size) != CL_SUCCESS || size == 0)
    return "";
  std::string text(size, '\0');
  if (api.clGetPlatformInfo(platform, what, size, text.data(), nullptr) != CL_SUCCESS) return "";
  return InfoReader::Trimmed(std::move(text));
}

// Simulators say that they are of all types.
DeviceType TypeOf(cl_device_type type) {
  if ((type & CL_DEVICE_TYPE_CPU) != 0) return DeviceType::kCpu;
  if ((type & CL_DEVICE_TYPE_GPU) != 0) return DeviceType::kGpu;
  if ((type & CL_DEVICE_TYPE_ACCELERATOR) != 0) return DeviceType::kAccelerator;
  return DeviceType::kOther;
}

bool HasExtension(const Device& device, const std::string& name) {
  return (" " + device.extensions + " ").find(" " + name + " ") != std::string::npos;
}

std::string WhyUnsuitable(const Device& device, InfoReader* info) {
  const bool available = info->Number<cl_bool>(CL_DEVICE_AVAILABLE) != CL_FALSE;
  const bool has_compiler = info->Number<cl_bool>(CL_DEVICE_COMPILER_AVAILABLE) != CL_FALSE;
  const bool little_endian = info->Number<cl_bool>(CL_DEVICE_ENDIAN_LITTLE) != CL_FALSE;
  if (info->code() != CL_SUCCESS) return "cannot be asked: " + ErrorName(info->code());
  int major = 0;
  int minor = 0;
  if (std::sscanf(device.version.c_str(), "OpenCL %d.%d", &major, &minor) != 2) {
    return "says that its version is '" + device.version + "', which is not one of OpenCL";
  }
  if (major < 1 || (major == 1 && minor < 2)) {
    return "has OpenCL " + std::to_string(major) + "." + std::to_string(minor) +
           ", and 1.2 is needed";
  }
  if (!available) return "is not available";
  if (!has_compiler) return "has no compiler";
  if (!little_endian) return "is big-endian";
  return "";
}

Device Describe(const Api& api, cl_platform_id platform, cl_device_id id) {
  InfoReader info(api, id);
  Device device;
  device.platform = platform;
  device.id = id;
  device.platform_name = PlatformText(api, platform, CL_PLATFORM_NAME);
  device.platform_version = PlatformText(api, platform, CL_PLATFORM_VERSION);
  device.name = info.Text(CL_DEVICE_NAME);
  device.vendor = info.Text(CL_DEVICE_VENDOR);
  device.version = info.Text(CL_DEVICE_VERSION);
  device.driver_version = info.Text(CL_DRIVER_VERSION);
  device.extensions = info.Text(CL_DEVICE_EXTENSIONS);
  device.type = TypeOf(info.Number<cl_device_type>(CL_DEVICE_TYPE));
  device.compute_units = info.Number<cl_uint>(CL_DEVICE_MAX_COMPUTE_UNITS);
  device.clock_mhz = info.Number<cl_uint>(CL_DEVICE_MAX_CLOCK_FREQUENCY);
  device.max_work_group_size = info.Number<size_t>(CL_DEVICE_MAX_WORK_GROUP_SIZE);
  device.max_alloc_bytes = info.Number<cl_ulong>(CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  device.global_bytes = info.Number<cl_ulong>(CL_DEVICE_GLOBAL_MEM_SIZE);
  device.local_bytes = info.Number<cl_ulong>(CL_DEVICE_LOCAL_MEM_SIZE);
  device.unified_memory = info.Number<cl_bool>(CL_DEVICE_HOST_UNIFIED_MEMORY) != CL_FALSE;
  device.has_half = HasExtension(device, "cl_khr_fp16");
  device.quirks = QuirksOf(device.vendor, device.name, device.version);
  device.unsuitable = WhyUnsuitable(device, &info);
  return device;
}

Status CannotList(const char* call, cl_int code) {
  return Status::Error(std::string("the OpenCL devices cannot be listed: ") + call +
                       " failed with " + ErrorName(code) +
                       "; check the GPU's driver, or use backend=cpu.");
}

Status ListDevicesOf(const Api& api, cl_platform_id platform, std::vector<Device>* devices) {
  cl_uint count = 0;
  cl_int code = api.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count);
  if (code == CL_DEVICE_NOT_FOUND || (code == CL_SUCCESS && count == 0)) return Status::Ok();
  std::vector<cl_device_id> ids(count);
  if (code == CL_SUCCESS) {
    code = api.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids.data(), nullptr);
  }
  if (code != CL_SUCCESS) return CannotList("clGetDeviceIDs", code);
  for (cl_device_id id : ids) devices->push_back(Describe(api, platform, id));
  return Status::Ok();
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Whether a device is meant by what the user wants, which is not empty.
bool IsMeant(const std::string& wanted, size_t place, const Device& device) {
  if (wanted.find_first_not_of("0123456789") == std::string::npos) {
    return wanted == std::to_string(place);
  }
  return Lower(device.name).find(Lower(wanted)) != std::string::npos;
}

int Rank(DeviceType type) {
  return type == DeviceType::kGpu ? 0 : type == DeviceType::kAccelerator ? 1 : 2;
}

std::string Listed(const std::vector<Device>& devices) {
  std::string text;
  for (size_t i = 0; i < devices.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(i) + " '" + devices[i].name + "'";
    if (!devices[i].unsuitable.empty()) text += " (which " + devices[i].unsuitable + ")";
  }
  return text;
}

}  // namespace

Status ListDevices(std::vector<Device>* devices) {
  const Api* api = nullptr;
  UBP_RETURN_IF_ERROR(LoadApi(&api));
  devices->clear();
  cl_uint count = 0;
  cl_int code = api->clGetPlatformIDs(0, nullptr, &count);
  if (code == kNoPlatform || (code == CL_SUCCESS && count == 0)) return Status::Ok();
  std::vector<cl_platform_id> platforms(count);
  if (code == CL_SUCCESS) code = api->clGetPlatformIDs(count, platforms.data(), nullptr);
  if (code != CL_SUCCESS) return CannotList("clGetPlatformIDs", code);
  for (cl_platform_id platform : platforms) {
    UBP_RETURN_IF_ERROR(ListDevicesOf(*api, platform, devices));
  }
  return Status::Ok();
}

Status ChooseDevice(const std::string& wanted, Device* device) {
  std::vector<Device> devices;
  UBP_RETURN_IF_ERROR(ListDevices(&devices));
  if (devices.empty()) {
    return Status::Error(
        "there is an OpenCL library and no device; install the OpenCL driver of your GPU, or use "
        "backend=cpu.");
  }
  const Device* best = nullptr;
  for (size_t i = 0; i < devices.size(); ++i) {
    const Device& one = devices[i];
    if (!one.unsuitable.empty() || (!wanted.empty() && !IsMeant(wanted, i, one))) continue;
    if (best == nullptr || Rank(one.type) < Rank(best->type)) best = &one;
  }
  if (best != nullptr) {
    *device = *best;
    return Status::Ok();
  }
  const std::string what = wanted.empty() ? "no OpenCL device can be used"
                                          : "no OpenCL device that can be used is '" + wanted + "'";
  return Status::Error(what + "; there are: " + Listed(devices) +
                       "; choose one of them with gpu_device, or use backend=cpu.");
}

}  // namespace ubp::opencl
