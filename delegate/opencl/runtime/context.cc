// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/context.h"

#include <map>
#include <utility>

#include "delegate/opencl/runtime/error.h"

namespace ubp::opencl {
namespace {

struct Contexts {
  std::mutex mutex;
  std::map<std::pair<cl_device_id, std::string>, Context*> all;  // guarded by mutex
};

Contexts& TheContexts() {
  static Contexts* const contexts = new Contexts;
  return *contexts;
}

cl_mem_flags FlagsOf(BufferUse use) {
  // Memory that the host can map without a copy, where there is such memory.
  return use == BufferUse::kDevice ? CL_MEM_READ_WRITE : CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR;
}

}  // namespace

Context::Context(const Device& device, const Api& api, cl_context handle,
                 std::unique_ptr<CacheDirectory> cache)
    : device_(device), api_(api), handle_(handle), cache_(std::move(cache)), programs_(this) {
  if (cache_ != nullptr) programs_.SetCache(cache_.get());
}

Status Context::Make(const Device& device, const ContextOptions& options, const Api& api,
                     Context** context) {
  std::unique_ptr<CacheDirectory> cache;
  if (!options.cache_directory.empty()) {
    const CacheKey owner = {device.platform_name, device.platform_version, device.vendor,
                            device.name,          device.version,          device.driver_version};
    UBP_RETURN_IF_ERROR(CacheDirectory::Open(options.cache_directory, owner, &cache));
  }
  const cl_context_properties properties[] = {
      CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(device.platform), 0};
  cl_int code = CL_SUCCESS;
  const cl_context handle = api.clCreateContext(properties, 1, &device.id, nullptr, nullptr, &code);
  if (code != CL_SUCCESS) {
    return Status::Error("the OpenCL device '" + device.name + "' failed in clCreateContext with " +
                         ErrorName(code) + "; check its driver, or use backend=cpu.");
  }
  *context = new Context(device, api, handle, std::move(cache));
  return Status::Ok();
}

Status Context::Get(const Device& device, const ContextOptions& options, Context** context) {
  const Api* api = nullptr;
  UBP_RETURN_IF_ERROR(LoadApi(&api));  // an error in a forked child, which must not take the mutex
  Contexts& contexts = TheContexts();
  const std::lock_guard<std::mutex> lock(contexts.mutex);
  Context*& known = contexts.all[{device.id, options.cache_directory}];
  if (known == nullptr) UBP_RETURN_IF_ERROR(Make(device, options, *api, &known));
  *context = known;
  return known->health();
}

Status Context::MakeBuffer(size_t bytes, BufferUse use, Buffer* buffer) {
  UBP_RETURN_IF_ERROR(health());
  if (device_.max_alloc_bytes > 0 && bytes > device_.max_alloc_bytes) {
    return Status::Error("the OpenCL device '" + device_.name + "' has buffers of at most " +
                         std::to_string(device_.max_alloc_bytes) + " bytes, and one of " +
                         std::to_string(bytes) +
                         " is needed; use a smaller batch or image, or backend=cpu.");
  }
  cl_int code = CL_SUCCESS;
  const cl_mem handle = api_.clCreateBuffer(handle_, FlagsOf(use), bytes, nullptr, &code);
  if (code != CL_SUCCESS) {
    return Failure(code, "clCreateBuffer of " + std::to_string(bytes) + " bytes");
  }
  counters_.buffer_bytes += static_cast<int64_t>(bytes);
  *buffer = Buffer(this, handle, bytes);
  return Status::Ok();
}

Status Context::MakeKernel(const KernelName& name, Kernel* kernel) {
  UBP_RETURN_IF_ERROR(health());
  cl_program program = nullptr;
  UBP_RETURN_IF_ERROR(programs_.Get(name, &program));
  cl_int code = CL_SUCCESS;
  const cl_kernel handle = api_.clCreateKernel(program, name.function.c_str(), &code);
  if (code != CL_SUCCESS) return Failure(code, "clCreateKernel of '" + name.function + "'");
  Kernel made(this, handle, name.function, 0);
  code = api_.clGetKernelWorkGroupInfo(handle, device_.id, CL_KERNEL_WORK_GROUP_SIZE,
                                       sizeof(made.max_work_group_size_),
                                       &made.max_work_group_size_, nullptr);
  if (code != CL_SUCCESS) {
    return Failure(code, "clGetKernelWorkGroupInfo of '" + name.function + "'");
  }
  *kernel = std::move(made);
  return Status::Ok();
}

Status Context::health() const {
  if (!IsOwnProcess()) {
    const Api* api = nullptr;
    return LoadApi(&api);  // says why not
  }
  if (!lost_.load()) return Status::Ok();
  const std::lock_guard<std::mutex> lock(mutex_);
  return Status::Error(why_lost_);
}

std::string Context::Sentence(cl_int code, const std::string& what) const {
  return "the OpenCL device '" + device_.name + "' failed in " + what + " with " + ErrorName(code);
}

Status Context::Failure(cl_int code, const std::string& what) {
  const std::string sentence = Sentence(code, what);
  if (IsFatal(code)) return Lose(sentence);
  if (IsOutOfMemory(code)) {
    return Status::Error(sentence +
                         ": it has too little memory left; use a smaller batch or image, "
                         "or backend=cpu.");
  }
  return Status::Error(sentence + "; use backend=cpu, and report this.");
}

Status Context::Lose(const std::string& why) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!lost_.load()) {
      why_lost_ = why + "; this process does not use it any more: use backend=cpu.";
    }
    lost_.store(true);
  }
  return health();
}

}  // namespace ubp::opencl
