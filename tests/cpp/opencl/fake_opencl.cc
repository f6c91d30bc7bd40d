// SPDX-License-Identifier: Apache-2.0
// Platforms, devices, contexts and programs of the fake OpenCL.
#include "tests/cpp/opencl/fake_opencl.h"

#include <algorithm>
#include <csignal>
#include <cstring>

#include "tests/cpp/opencl/fake_objects.h"

using fake::TheWorld;
using fake::World;

namespace {

_cl_platform_id the_platform;

// Gives `bytes` as OpenCL's functions that tell something do.
cl_int Give(const void* data, size_t bytes, size_t room, void* value, size_t* needed) {
  if (needed != nullptr) *needed = bytes;
  if (value == nullptr) return CL_SUCCESS;
  if (room < bytes) return CL_INVALID_VALUE;
  std::memcpy(value, data, bytes);
  return CL_SUCCESS;
}

cl_int GiveText(const std::string& text, size_t room, void* value, size_t* needed) {
  return Give(text.c_str(), text.size() + 1, room, value, needed);
}

template <class T>
cl_int GiveNumber(T number, size_t room, void* value, size_t* needed) {
  return Give(&number, sizeof(number), room, value, needed);
}

// Counts the call, and says in `code` how it ends; whether it goes on.
bool Begin(const char* function, cl_int* code) {
  const cl_int ends = TheWorld().Begin(function);
  if (code != nullptr) *code = ends;
  return ends == CL_SUCCESS;
}

template <class T>
T* Add(T* object) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  return world.Add(object);
}

bool Has(void* object) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  return world.Has(object);
}

void Count(const char* what) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  ++world.counts[what];
}

bool Is(const char* setting) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  return world.Is(setting);
}

std::string Text(const char* setting) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  return world.Text(setting, "");
}

}  // namespace

extern "C" {

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id* platforms, cl_uint* count) {
  cl_int code;
  if (!Begin("clGetPlatformIDs", &code)) return code;
  if (count != nullptr) *count = 1;
  if (platforms != nullptr && room > 0) *platforms = &the_platform;
  return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id, cl_platform_info what, size_t room, void* value,
                         size_t* needed) {
  cl_int code;
  if (!Begin("clGetPlatformInfo", &code)) return code;
  return GiveText(what == CL_PLATFORM_NAME ? "Fake platform" : "OpenCL 1.2 fake", room, value,
                  needed);
}

cl_int clGetDeviceIDs(cl_platform_id, cl_device_type, cl_uint room, cl_device_id* devices,
                      cl_uint* count) {
  cl_int code;
  if (!Begin("clGetDeviceIDs", &code)) return code;
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  if (world.devices.empty()) return CL_DEVICE_NOT_FOUND;
  if (count != nullptr) *count = static_cast<cl_uint>(world.devices.size());
  for (size_t i = 0; devices != nullptr && i < std::min<size_t>(room, world.devices.size()); ++i) {
    devices[i] = world.devices[i];
  }
  return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t room, void* value,
                       size_t* needed) {
  cl_int code;
  if (!Begin("clGetDeviceInfo", &code)) return code;
  switch (what) {
    case CL_DEVICE_NAME:
      return GiveText(device->name, room, value, needed);
    case CL_DEVICE_VENDOR:
      return GiveText(device->vendor, room, value, needed);
    case CL_DEVICE_VERSION:
      return GiveText(device->version, room, value, needed);
    case CL_DEVICE_EXTENSIONS:
      return GiveText(device->extensions, room, value, needed);
    case CL_DRIVER_VERSION:
      return GiveText("1.0", room, value, needed);
    case CL_DEVICE_TYPE:
      return GiveNumber<cl_device_type>(device->type, room, value, needed);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
    case CL_DEVICE_MAX_CLOCK_FREQUENCY:
      return GiveNumber<cl_uint>(8, room, value, needed);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
      return GiveNumber<size_t>(256, room, value, needed);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
    case CL_DEVICE_GLOBAL_MEM_SIZE:
      return GiveNumber<cl_ulong>(1 << 30, room, value, needed);
    case CL_DEVICE_LOCAL_MEM_SIZE:
      return GiveNumber<cl_ulong>(32768, room, value, needed);
    case CL_DEVICE_HOST_UNIFIED_MEMORY:
    case CL_DEVICE_AVAILABLE:
    case CL_DEVICE_COMPILER_AVAILABLE:
    case CL_DEVICE_ENDIAN_LITTLE:
      return GiveNumber<cl_bool>(CL_TRUE, room, value, needed);
    default:
      return CL_INVALID_VALUE;
  }
}

cl_context clCreateContext(const cl_context_properties*, cl_uint, const cl_device_id*,
                           void(CL_CALLBACK*)(const char*, const void*, size_t, void*), void*,
                           cl_int* code) {
  return Begin("clCreateContext", code) ? Add(new _cl_context) : nullptr;
}

cl_int clReleaseContext(cl_context context) {
  return TheWorld().Release(context, CL_INVALID_CONTEXT);
}

cl_program clCreateProgramWithSource(cl_context, cl_uint, const char** strings,
                                     const size_t* lengths, cl_int* code) {
  if (!Begin("clCreateProgramWithSource", code)) return nullptr;
  auto* const program = new _cl_program;
  program->source.assign(strings[0], lengths[0]);
  return Add(program);
}

cl_program clCreateProgramWithBinary(cl_context, cl_uint, const cl_device_id*,
                                     const size_t* lengths, const unsigned char** binaries,
                                     cl_int* status, cl_int* code) {
  if (Is("crash")) raise(SIGKILL);
  if (!Begin("clCreateProgramWithBinary", code)) return nullptr;
  if (Is("refuse")) {
    *status = CL_INVALID_BINARY;
    *code = CL_INVALID_BINARY;
    return nullptr;
  }
  auto* const program = new _cl_program;
  program->source.assign(reinterpret_cast<const char*>(binaries[0]), lengths[0]);
  program->from_binary = true;
  *status = CL_SUCCESS;
  return Add(program);
}

cl_int clBuildProgram(cl_program program, cl_uint, const cl_device_id*, const char*,
                      void(CL_CALLBACK*)(cl_program, void*), void*) {
  cl_int code;
  if (!Begin("clBuildProgram", &code)) {
    if (Has(program) && program->from_binary) Count("failed clBuildProgram of a binary");
    return code;
  }
  if (!Has(program)) return CL_INVALID_PROGRAM;
  if (!Text("log").empty()) return CL_BUILD_PROGRAM_FAILURE;
  Count(program->from_binary ? "binaries" : "builds");
  program->built = true;
  return CL_SUCCESS;
}

cl_int clGetProgramBuildInfo(cl_program, cl_device_id, cl_program_build_info, size_t room,
                             void* value, size_t* needed) {
  cl_int code;
  if (!Begin("clGetProgramBuildInfo", &code)) return code;
  return GiveText(Text("log"), room, value, needed);
}

cl_int clGetProgramInfo(cl_program program, cl_program_info what, size_t room, void* value,
                        size_t* needed) {
  cl_int code;
  if (!Begin("clGetProgramInfo", &code)) return code;
  // The binary of a program is its source.
  if (what == CL_PROGRAM_BINARY_SIZES) {
    return GiveNumber<size_t>(program->source.size(), room, value, needed);
  }
  std::memcpy(*static_cast<unsigned char**>(value), program->source.data(), program->source.size());
  return CL_SUCCESS;
}

cl_int clReleaseProgram(cl_program program) {
  return TheWorld().Release(program, CL_INVALID_PROGRAM);
}

cl_kernel clCreateKernel(cl_program program, const char* name, cl_int* code) {
  if (!Begin("clCreateKernel", code)) return nullptr;
  if (!Has(program) || !program->built) {
    *code = CL_INVALID_PROGRAM_EXECUTABLE;
    return nullptr;
  }
  return Add(new _cl_kernel{name});
}

cl_int clGetKernelWorkGroupInfo(cl_kernel, cl_device_id, cl_kernel_work_group_info, size_t room,
                                void* value, size_t* needed) {
  cl_int code;
  if (!Begin("clGetKernelWorkGroupInfo", &code)) return code;
  return GiveNumber<size_t>(256, room, value, needed);
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint, size_t, const void*) {
  cl_int code;
  if (!Begin("clSetKernelArg", &code)) return code;
  return Has(kernel) ? CL_SUCCESS : CL_INVALID_KERNEL;
}

cl_int clReleaseKernel(cl_kernel kernel) { return TheWorld().Release(kernel, CL_INVALID_KERNEL); }

}  // extern "C"
