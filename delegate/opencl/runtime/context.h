// SPDX-License-Identifier: Apache-2.0
// What the process has on one device: memory and programs.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_CONTEXT_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_CONTEXT_H_

#include <CL/cl.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "delegate/base/status.h"
#include "delegate/opencl/runtime/api.h"
#include "delegate/opencl/runtime/buffer.h"
#include "delegate/opencl/runtime/cache_directory.h"
#include "delegate/opencl/runtime/counters.h"
#include "delegate/opencl/runtime/device.h"
#include "delegate/opencl/runtime/kernel.h"
#include "delegate/opencl/runtime/programs.h"

namespace ubp::opencl {

struct ContextOptions {
  // Where compiled programs are kept, and what else saves work at the next start; empty: nowhere.
  std::string cache_directory;
};

// Any thread. Errors are one sentence that names the device, the call or kernel, and OpenCL's name
// of the error.
class Context {
 public:
  // The one of this device and these options in this process, made at the first call. It is never
  // destroyed: threads of OpenCL may use it while the process ends.
  static Status Get(const Device& device, const ContextOptions& options, Context** context);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Device& device() const { return device_; }
  const Api& api() const { return api_; }
  cl_context handle() const { return handle_; }
  Counters& counters() { return counters_; }
  // For what else is worth keeping; its owner is the device with its driver. Null without a directory.
  CacheDirectory* cache() { return cache_.get(); }

  // Its content is undefined; above 0 bytes.
  Status MakeBuffer(size_t bytes, BufferUse use, Buffer* buffer);
  // Compiles the program where no kernel of the same source and options has been made before.
  Status MakeKernel(const KernelName& name, Kernel* kernel);

  // An error once the device was lost or hung, and in a forked child; it is of no use any more.
  Status health() const;
  bool IsUsable() const { return !lost_.load() && IsOwnProcess(); }
  // The sentence for OpenCL's error `code` of `what`, "clFinish". The device counts as lost after a
  // code that says so.
  Status Failure(cl_int code, const std::string& what);
  // Its beginning: "the OpenCL device 'Mali-G78' failed in clFinish with CL_OUT_OF_RESOURCES".
  std::string Sentence(cl_int code, const std::string& what) const;
  // Says so to all that use the device from now on, and returns what they are told.
  Status Lose(const std::string& why);

 private:
  Context(const Device& device, const Api& api, cl_context handle,
          std::unique_ptr<CacheDirectory> cache);
  static Status Make(const Device& device, const ContextOptions& options, const Api& api,
                     Context** context);

  const Device device_;
  const Api& api_;
  const cl_context handle_;
  Counters counters_;
  std::unique_ptr<CacheDirectory> cache_;
  Programs programs_;

  std::atomic<bool> lost_{false};
  mutable std::mutex mutex_;
  std::string why_lost_;  // guarded by mutex_
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_CONTEXT_H_
