// SPDX-License-Identifier: Apache-2.0
// Commands for a device, which it runs in order.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_QUEUE_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_QUEUE_H_

#include <CL/cl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/opencl/runtime/buffer.h"
#include "delegate/opencl/runtime/context.h"
#include "delegate/opencl/runtime/counters.h"
#include "delegate/opencl/runtime/kernel.h"

namespace ubp::opencl {

struct QueueOptions {
  bool profile = false;
  // How long the queue waits for the device before it gives it up; 0: for ever. By default what the
  // environment variable UBP_OPENCL_TIME_LIMIT says; else half a minute, and for ever where the device
  // is a CPU, which may be slow and does not hang.
  std::optional<double> time_limit_s;
};

// Work-items in each dimension.
struct Size3 {
  size_t x = 1;
  size_t y = 1;
  size_t z = 1;
};

enum class MapUse {
  kWrite,  // what was in the buffer is lost
  kRead,
};

// One thread at a time. After an error of any call, what the device computes is undefined until
// Finish() has returned, and what was to be computed is to be given anew.
class Queue {
 public:
  static Status Make(Context* context, const QueueOptions& options, std::unique_ptr<Queue>* queue);
  // Waits for the device.
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // `global` is a multiple of `local`. With a slot, and where the queue profiles, TakeSlotNs()[slot]
  // grows by the time it took. Flushes now and then, as the device wants.
  Status Run(const Kernel& kernel, const Size3& global, const Size3& local, int slot = -1);

  // A staging buffer as memory of the host. Waits for what was given before; so it is when the results
  // are there that a mapping for reading returns.
  Status Map(const Buffer& buffer, MapUse use, void** data);
  Status Unmap(const Buffer& buffer, void* data);
  // Copies, at once: for weights.
  Status Write(const Buffer& buffer, size_t offset, const void* data, size_t bytes);
  // Makes it zeros.
  Status Fill(const Buffer& buffer);

  // Waits until all kernels are done; an error where something failed on the device, or the time limit is
  // over: then the device counts as lost.
  Status Finish();

  // What kernels took on the device since the last call, by slot, as far as they are finished.
  std::vector<int64_t> TakeSlotNs() { return std::exchange(slot_ns_, {}); }
  const Transfers& transfers() const { return transfers_; }
  Context* context() const { return context_; }

 private:
  struct Timed {
    int slot;
    cl_event event;
  };

  Queue(Context* context, bool profile, double time_limit_s, cl_command_queue handle)
      : context_(context), profile_(profile), time_limit_s_(time_limit_s), handle_(handle) {}

  Status WaitAndRelease(cl_event event);
  Status Wait(cl_event event);
  Status WaitInTime(cl_event event);
  Status NoAnswer();
  Status ReadTimes();
  void DropEvents();
  Status Failure(cl_int code, const std::string& what) { return context_->Failure(code, what); }
  // "clFinish after the kernels 'a' to 'b'"
  std::string Pending(const char* call) const;

  Context* const context_;
  const bool profile_;
  const double time_limit_s_;
  const cl_command_queue handle_;
  int since_flush_ = 0;
  bool idle_ = true;          // nothing that takes time was given since the queue was waited for
  std::string first_, last_;  // kernels since then
  std::vector<Timed> timed_;
  std::vector<int64_t> slot_ns_;
  Transfers transfers_;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_QUEUE_H_
