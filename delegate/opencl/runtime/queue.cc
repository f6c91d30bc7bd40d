// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/queue.h"

#include <cstdlib>
#include <sstream>

#include "delegate/opencl/runtime/completion.h"

namespace ubp::opencl {
namespace {

constexpr double kTimeLimitSeconds = 30;

double DefaultTimeLimit(const Device& device) {
  const char* const text = std::getenv("UBP_OPENCL_TIME_LIMIT");
  char* end = nullptr;
  const double limit = text != nullptr ? std::strtod(text, &end) : -1;
  if (end != text && limit >= 0) return limit;
  return device.type == DeviceType::kCpu ? 0 : kTimeLimitSeconds;
}

}  // namespace

Status Queue::Make(Context* context, const QueueOptions& options, std::unique_ptr<Queue>* queue) {
  UBP_RETURN_IF_ERROR(context->health());
  cl_int code = CL_SUCCESS;
  const cl_command_queue handle =
      context->api().clCreateCommandQueue(context->handle(), context->device().id,
                                          options.profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
  if (code != CL_SUCCESS) return context->Failure(code, "clCreateCommandQueue");
  const double limit = options.time_limit_s.value_or(DefaultTimeLimit(context->device()));
  queue->reset(new Queue(context, options.profile, limit, handle));
  return Status::Ok();
}

Queue::~Queue() {
  if (context_->IsUsable() && !idle_) (void)Finish().ok();
  if (!context_->IsUsable()) return;  // a lost device may never answer
  DropEvents();
  context_->api().clReleaseCommandQueue(handle_);
}

Status Queue::Run(const Kernel& kernel, const Size3& global, const Size3& local, int slot) {
  UBP_RETURN_IF_ERROR(context_->health());
  const size_t globals[3] = {global.x, global.y, global.z};
  const size_t locals[3] = {local.x, local.y, local.z};
  const bool timed = profile_ && slot >= 0;
  cl_event event = nullptr;
  const Api& api = context_->api();
  const cl_int code = api.clEnqueueNDRangeKernel(handle_, kernel.handle(), 3, nullptr, globals,
                                                 locals, 0, nullptr, timed ? &event : nullptr);
  if (code != CL_SUCCESS) {
    return Failure(code, "clEnqueueNDRangeKernel of the kernel '" + kernel.name() + "'");
  }
  if (idle_) first_ = kernel.name();
  last_ = kernel.name();
  idle_ = false;
  if (timed) timed_.push_back({slot, event});
  ++transfers_.kernels;
  const int flush_every = context_->device().quirks.flush_every;
  if (++since_flush_ != flush_every) return Status::Ok();
  since_flush_ = 0;
  const cl_int flushed = api.clFlush(handle_);
  return flushed == CL_SUCCESS ? Status::Ok() : Failure(flushed, Pending("clFlush"));
}

Status Queue::Map(const Buffer& buffer, MapUse use, void** data) {
  UBP_RETURN_IF_ERROR(context_->health());
  const bool write = use == MapUse::kWrite;
  cl_event event = nullptr;
  cl_int code = CL_SUCCESS;
  // Blocking, it would wait for a device that hangs without a time limit.
  void* const mapped = context_->api().clEnqueueMapBuffer(
      handle_, buffer.handle(), idle_ ? CL_TRUE : CL_FALSE,
      write ? CL_MAP_WRITE_INVALIDATE_REGION : CL_MAP_READ, 0, buffer.bytes(), 0, nullptr,
      idle_ ? nullptr : &event, &code);
  if (code != CL_SUCCESS) return Failure(code, Pending("clEnqueueMapBuffer"));
  if (!idle_) UBP_RETURN_IF_ERROR(WaitAndRelease(event));
  ++(write ? transfers_.uploads : transfers_.downloads);
  *data = mapped;
  return Status::Ok();
}

Status Queue::Unmap(const Buffer& buffer, void* data) {
  UBP_RETURN_IF_ERROR(context_->health());
  const cl_int code =
      context_->api().clEnqueueUnmapMemObject(handle_, buffer.handle(), data, 0, nullptr, nullptr);
  return code == CL_SUCCESS ? Status::Ok() : Failure(code, Pending("clEnqueueUnmapMemObject"));
}

Status Queue::Write(const Buffer& buffer, size_t offset, const void* data, size_t bytes) {
  if (!idle_) UBP_RETURN_IF_ERROR(Finish());
  UBP_RETURN_IF_ERROR(context_->health());
  const cl_int code = context_->api().clEnqueueWriteBuffer(
      handle_, buffer.handle(), CL_TRUE, offset, bytes, data, 0, nullptr, nullptr);
  if (code != CL_SUCCESS) {
    return Failure(code, "clEnqueueWriteBuffer of " + std::to_string(bytes) + " bytes");
  }
  ++transfers_.writes;
  transfers_.written_bytes += static_cast<int64_t>(bytes);
  return Status::Ok();
}

Status Queue::Fill(const Buffer& buffer) {
  UBP_RETURN_IF_ERROR(context_->health());
  const cl_uint zero = 0;
  const size_t pattern = buffer.bytes() % sizeof(zero) == 0 ? sizeof(zero) : 1;
  const cl_int code = context_->api().clEnqueueFillBuffer(handle_, buffer.handle(), &zero, pattern,
                                                          0, buffer.bytes(), 0, nullptr, nullptr);
  if (code != CL_SUCCESS) {
    return Failure(code, "clEnqueueFillBuffer of " + std::to_string(buffer.bytes()) + " bytes");
  }
  if (idle_) first_ = last_ = "fill";
  idle_ = false;
  return Status::Ok();
}

Status Queue::Finish() {
  UBP_RETURN_IF_ERROR(context_->health());
  if (idle_) return Status::Ok();
  cl_event event = nullptr;
  const cl_int code = context_->api().clEnqueueMarkerWithWaitList(handle_, 0, nullptr, &event);
  if (code != CL_SUCCESS) return Failure(code, Pending("clEnqueueMarkerWithWaitList"));
  return WaitAndRelease(event);
}

Status Queue::WaitAndRelease(cl_event event) {
  const Status status = Wait(event);
  if (context_->IsUsable()) context_->api().clReleaseEvent(event);
  return status;
}

Status Queue::Wait(cl_event event) {
  since_flush_ = 0;
  if (time_limit_s_ > 0) UBP_RETURN_IF_ERROR(WaitInTime(event));
  // That an event is complete does not yet say that its memory can be read; this does, at once.
  const cl_int code = context_->api().clFinish(handle_);
  if (code != CL_SUCCESS) return Failure(code, Pending("clFinish"));
  idle_ = true;
  return ReadTimes();
}

Status Queue::WaitInTime(cl_event event) {
  std::shared_ptr<Completion> completion;
  cl_int code = Completion::Watch(context_->api(), event, &completion);
  if (code != CL_SUCCESS) return Failure(code, Pending("clSetEventCallback"));
  code = context_->api().clFlush(handle_);
  if (code != CL_SUCCESS) return Failure(code, Pending("clFlush"));
  cl_int status = CL_COMPLETE;
  if (!completion->Wait(time_limit_s_, &status)) return NoAnswer();
  if (status == CL_COMPLETE) return Status::Ok();
  // Of what runs on the device, an error says that it is broken, whatever the code.
  return context_->Lose(context_->Sentence(status, Pending("clFinish")));
}

Status Queue::NoAnswer() {
  std::ostringstream why;
  why << "the OpenCL device '" << context_->device().name << "' did not answer within "
      << time_limit_s_ << " s to " << Pending("clFinish");
  return context_->Lose(why.str());
}

Status Queue::ReadTimes() {
  const Api& api = context_->api();
  for (const Timed& timed : timed_) {
    cl_ulong begin = 0;
    cl_ulong end = 0;
    cl_int code = api.clGetEventProfilingInfo(timed.event, CL_PROFILING_COMMAND_START,
                                              sizeof(begin), &begin, nullptr);
    if (code == CL_SUCCESS) {
      code = api.clGetEventProfilingInfo(timed.event, CL_PROFILING_COMMAND_END, sizeof(end), &end,
                                         nullptr);
    }
    if (code != CL_SUCCESS) return Failure(code, "clGetEventProfilingInfo");
    const auto slot = static_cast<size_t>(timed.slot);
    if (slot_ns_.size() <= slot) slot_ns_.resize(slot + 1);
    slot_ns_[slot] += static_cast<int64_t>(end - begin);
  }
  DropEvents();
  return Status::Ok();
}

void Queue::DropEvents() {
  for (const Timed& timed : timed_) context_->api().clReleaseEvent(timed.event);
  timed_.clear();
}

std::string Queue::Pending(const char* call) const {
  if (idle_) return call;
  if (first_ == last_) return std::string(call) + " after the kernel '" + first_ + "'";
  return std::string(call) + " after the kernels '" + first_ + "' to '" + last_ + "'";
}

}  // namespace ubp::opencl
