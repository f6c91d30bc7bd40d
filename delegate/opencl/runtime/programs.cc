// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/programs.h"

#include <algorithm>

#include "delegate/opencl/runtime/context.h"
#include "delegate/opencl/runtime/error.h"

namespace ubp::opencl {
namespace {

CacheKey KeyOf(const KernelName& name) {
  return {"program", std::string(name.source), name.options};
}

}  // namespace

void Programs::SetCache(CacheDirectory* cache) {
  cache_ = cache;
  guard_ = std::make_unique<CrashGuard>(cache);
}

Programs::Item* Programs::Find(const KernelName& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<Item>& item = items_[Key(name.source, name.options)];
  if (item == nullptr) item = std::make_unique<Item>();
  return item.get();
}

Status Programs::Get(const KernelName& name, cl_program* program) {
  Item* const item = Find(name);
  const std::lock_guard<std::mutex> lock(item->mutex);
  if (item->program == nullptr) item->program = Read(name);
  if (item->program == nullptr) {
    UBP_RETURN_IF_ERROR(Build(name, &item->program));
    Keep(name, item->program);
  }
  *program = item->program;
  return Status::Ok();
}

Status Programs::Build(const KernelName& name, cl_program* program) {
  const Api& api = context_->api();
  const char* text = name.source.data();
  const size_t length = name.source.size();
  cl_int code = CL_SUCCESS;
  const cl_program made =
      api.clCreateProgramWithSource(context_->handle(), 1, &text, &length, &code);
  if (code != CL_SUCCESS) {
    return context_->Failure(code, "clCreateProgramWithSource for '" + name.function + "'");
  }
  code =
      api.clBuildProgram(made, 1, &context_->device().id, name.options.c_str(), nullptr, nullptr);
  if (code != CL_SUCCESS) {
    const std::string error = FirstError(made);
    api.clReleaseProgram(made);
    return context_->Failure(code, "clBuildProgram for '" + name.function + "' (" +
                                       (error.empty() ? "without a log" : error) + ")");
  }
  ++context_->counters().programs_built;
  *program = made;
  return Status::Ok();
}

cl_program Programs::Read(const KernelName& name) {
  std::string bytes;
  if (guard_ == nullptr || !guard_->allows() || !cache_->Find(KeyOf(name), &bytes)) return nullptr;
  CrashGuard::Marker marker(guard_.get());
  if (!marker.is_there()) return nullptr;
  const Api& api = context_->api();
  const cl_device_id device = context_->device().id;
  const size_t size = bytes.size();
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  cl_int status = CL_SUCCESS;
  cl_int code = CL_SUCCESS;
  const cl_program program =
      api.clCreateProgramWithBinary(context_->handle(), 1, &device, &size, &data, &status, &code);
  if (code == CL_SUCCESS && status == CL_SUCCESS) {
    code = api.clBuildProgram(program, 1, &device, name.options.c_str(), nullptr, nullptr);
  }
  if (code == CL_SUCCESS && status == CL_SUCCESS) {
    marker.Succeeded();
    ++context_->counters().programs_from_cache;
    return program;
  }
  cache_->Warn("the driver has not taken a program that it compiled before (" +
               ErrorName(code != CL_SUCCESS ? code : status) + "); it is compiled anew.");
  if (program != nullptr) api.clReleaseProgram(program);
  return nullptr;
}

void Programs::Keep(const KernelName& name, cl_program program) {
  if (guard_ == nullptr || !guard_->allows()) return;
  const Api& api = context_->api();
  size_t size = 0;
  if (api.clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, nullptr) !=
          CL_SUCCESS ||
      size == 0) {
    return;  // a driver without binaries
  }
  std::string bytes(size, '\0');
  auto* data = reinterpret_cast<unsigned char*>(bytes.data());
  if (api.clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(data), &data, nullptr) ==
      CL_SUCCESS) {
    cache_->Put(KeyOf(name), bytes);
  }
}

// The line of the compiler's log that tells most.
std::string Programs::FirstError(cl_program program) {
  const Api& api = context_->api();
  const cl_device_id device = context_->device().id;
  size_t size = 0;
  if (api.clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size) !=
          CL_SUCCESS ||
      size == 0) {
    return "";
  }
  std::string log(size, '\0');
  if (api.clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log.data(), nullptr) !=
      CL_SUCCESS) {
    return "";
  }
  const size_t error = std::min(log.find("error:"), log.find("Error"));
  const size_t begin = error == std::string::npos ? 0 : log.rfind('\n', error) + 1;
  const std::string line =
      log.substr(begin, log.find_first_of(std::string("\n\0", 2), begin) - begin);
  return line.substr(0, 500);
}

}  // namespace ubp::opencl
