// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/completion.h"

#include <chrono>
#include <utility>

namespace ubp::opencl {

cl_int Completion::Watch(const Api& api, cl_event event, std::shared_ptr<Completion>* completion) {
  *completion = std::make_shared<Completion>();
  auto for_driver = std::make_unique<std::shared_ptr<Completion>>(*completion);
  const cl_int code = api.clSetEventCallback(event, CL_COMPLETE, &Notify, for_driver.get());
  if (code == CL_SUCCESS) for_driver.release();  // Notify's
  return code;
}

bool Completion::Wait(double limit_s, cl_int* status) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::duration<double>(limit_s), [this] { return done_; })) {
    return false;
  }
  *status = status_;
  return true;
}

void CL_CALLBACK Completion::Notify(cl_event, cl_int status, void* completion) {
  const std::unique_ptr<std::shared_ptr<Completion>> own(
      static_cast<std::shared_ptr<Completion>*>(completion));
  const std::lock_guard<std::mutex> lock((*own)->mutex_);
  (*own)->done_ = true;
  (*own)->status_ = status;
  (*own)->changed_.notify_one();
}

}  // namespace ubp::opencl
