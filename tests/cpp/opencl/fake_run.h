// SPDX-License-Identifier: Apache-2.0
// All that a backend does on a device, on the fake OpenCL: for tests of failures.
#ifndef UBP_TESTS_CPP_OPENCL_FAKE_RUN_H_
#define UBP_TESTS_CPP_OPENCL_FAKE_RUN_H_

#include <cstring>
#include <memory>
#include <string>

#include "delegate/opencl/runtime/context.h"
#include "delegate/opencl/runtime/queue.h"

namespace ubp::opencl {

struct RunOptions {
  std::string cache_directory;
  std::string source = "__kernel void k(__global float* x) {}";
  QueueOptions queue;
  int runs = 2;
  int kernels = 3;  // of a run
};

// One run of an interpreter: uploads, runs kernels, downloads.
inline Status RunOnce(Queue* queue, const Kernel& kernel, const Buffer& in, const Buffer& out,
                      int kernels) {
  void* data = nullptr;
  UBP_RETURN_IF_ERROR(queue->Map(in, MapUse::kWrite, &data));
  std::memset(data, 1, in.bytes());
  UBP_RETURN_IF_ERROR(queue->Unmap(in, data));
  for (int i = 0; i < kernels; ++i) {
    UBP_RETURN_IF_ERROR(queue->Run(kernel, {64, 1, 1}, {8, 1, 1}, i));
  }
  UBP_RETURN_IF_ERROR(queue->Map(out, MapUse::kRead, &data));
  return queue->Unmap(out, data);
}

// Loads a model, so to say, and runs it.
inline Status RunOn(const Device& device, const RunOptions& options) {
  Context* context = nullptr;
  UBP_RETURN_IF_ERROR(Context::Get(device, {options.cache_directory}, &context));
  Kernel kernel;
  UBP_RETURN_IF_ERROR(context->MakeKernel({options.source, "k", "-DN=4"}, &kernel));
  Buffer in, out, weights;
  UBP_RETURN_IF_ERROR(context->MakeBuffer(256, BufferUse::kUpload, &in));
  UBP_RETURN_IF_ERROR(context->MakeBuffer(256, BufferUse::kDownload, &out));
  UBP_RETURN_IF_ERROR(context->MakeBuffer(64, BufferUse::kDevice, &weights));
  std::unique_ptr<Queue> queue;
  UBP_RETURN_IF_ERROR(Queue::Make(context, options.queue, &queue));
  UBP_RETURN_IF_ERROR(queue->Fill(out));
  UBP_RETURN_IF_ERROR(queue->Write(weights, 0, "weights", 7));
  UBP_RETURN_IF_ERROR(kernel.SetArg(0, weights));
  for (int run = 0; run < options.runs; ++run) {
    UBP_RETURN_IF_ERROR(RunOnce(queue.get(), kernel, in, out, options.kernels));
  }
  return queue->Finish();
}

inline Status RunAll(const RunOptions& options) {
  Device device;
  UBP_RETURN_IF_ERROR(ChooseDevice("", &device));
  return RunOn(device, options);
}

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_FAKE_RUN_H_
