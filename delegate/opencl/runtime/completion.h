// SPDX-License-Identifier: Apache-2.0
// Waiting for an event of OpenCL with a time limit, which OpenCL itself does not offer.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_COMPLETION_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_COMPLETION_H_

#include <CL/cl.h>

#include <condition_variable>
#include <memory>
#include <mutex>

#include "delegate/opencl/runtime/api.h"

namespace ubp::opencl {

// Lives as long as who waits and the driver that is to call back, whichever is longer: a driver may
// call back long after the time limit, or never.
class Completion {
 public:
  // The driver calls back when `event` is complete or has failed; a code of OpenCL where it refuses.
  static cl_int Watch(const Api& api, cl_event event, std::shared_ptr<Completion>* completion);

  // Whether it happened in time. Then `*status` is CL_COMPLETE or the error of the command.
  bool Wait(double limit_s, cl_int* status);

 private:
  static void CL_CALLBACK Notify(cl_event event, cl_int status, void* completion);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  cl_int status_ = CL_COMPLETE;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_COMPLETION_H_
