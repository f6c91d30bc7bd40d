// SPDX-License-Identifier: Apache-2.0
// Memory, queues and events of the fake OpenCL.
#include <cstring>

#include "tests/cpp/opencl/fake_objects.h"

using fake::TheWorld;
using fake::World;

namespace {

// Counts a call that puts a command into a queue, and makes its event; how it ends.
cl_int Enqueue(const char* function, cl_command_queue queue, bool blocking, bool takes_time,
               cl_event* event) {
  World& world = TheWorld();
  const cl_int code = world.Begin(function);
  if (code != CL_SUCCESS) return code;
  const std::lock_guard<std::mutex> lock(world.mutex);
  if (!world.Has(queue)) return CL_INVALID_COMMAND_QUEUE;
  if (blocking && queue->busy && world.Is("hang")) fake::Shoot("waits for ever in a blocking call");
  queue->busy |= takes_time;
  if (event != nullptr) *event = world.Add(new _cl_event);
  return CL_SUCCESS;
}

bool Fits(cl_mem memory, size_t offset, size_t bytes) {
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  return world.Has(memory) && offset <= memory->bytes.size() &&
         bytes <= memory->bytes.size() - offset;
}

}  // namespace

extern "C" {

cl_mem clCreateBuffer(cl_context, cl_mem_flags, size_t bytes, void*, cl_int* code) {
  World& world = TheWorld();
  *code = world.Begin("clCreateBuffer");
  if (*code != CL_SUCCESS) return nullptr;
  const std::lock_guard<std::mutex> lock(world.mutex);
  return world.Add(new _cl_mem{std::vector<char>(bytes)});
}

cl_int clReleaseMemObject(cl_mem memory) {
  return TheWorld().Release(memory, CL_INVALID_MEM_OBJECT);
}

cl_command_queue clCreateCommandQueue(cl_context, cl_device_id,
                                      cl_command_queue_properties properties, cl_int* code) {
  World& world = TheWorld();
  *code = world.Begin("clCreateCommandQueue");
  if (*code != CL_SUCCESS) return nullptr;
  const std::lock_guard<std::mutex> lock(world.mutex);
  return world.Add(new _cl_command_queue{properties, false});
}

cl_int clReleaseCommandQueue(cl_command_queue queue) {
  return TheWorld().Release(queue, CL_INVALID_COMMAND_QUEUE);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel, cl_uint, const size_t*,
                              const size_t*, const size_t*, cl_uint, const cl_event*,
                              cl_event* event) {
  const cl_int code = Enqueue("clEnqueueNDRangeKernel", queue, false, true, event);
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  if (code == CL_SUCCESS) ++world.counts["kernels"];
  return code;
}

void* clEnqueueMapBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, cl_map_flags,
                         size_t offset, size_t bytes, cl_uint, const cl_event*, cl_event* event,
                         cl_int* code) {
  *code = Enqueue("clEnqueueMapBuffer", queue, blocking == CL_TRUE, false, event);
  if (*code == CL_SUCCESS && !Fits(memory, offset, bytes)) *code = CL_INVALID_VALUE;
  return *code == CL_SUCCESS ? memory->bytes.data() + offset : nullptr;
}

cl_int clEnqueueUnmapMemObject(cl_command_queue queue, cl_mem, void*, cl_uint, const cl_event*,
                               cl_event* event) {
  return Enqueue("clEnqueueUnmapMemObject", queue, false, false, event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset,
                            size_t bytes, const void* data, cl_uint, const cl_event*,
                            cl_event* event) {
  const cl_int code =
      Enqueue("clEnqueueWriteBuffer", queue, blocking == CL_TRUE, blocking != CL_TRUE, event);
  if (code != CL_SUCCESS) return code;
  if (!Fits(memory, offset, bytes)) return CL_INVALID_VALUE;
  std::memcpy(memory->bytes.data() + offset, data, bytes);
  return CL_SUCCESS;
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem memory, const void*, size_t pattern,
                           size_t offset, size_t bytes, cl_uint, const cl_event*, cl_event* event) {
  const cl_int code = Enqueue("clEnqueueFillBuffer", queue, false, true, event);
  if (code != CL_SUCCESS) return code;
  if (!Fits(memory, offset, bytes) || bytes % pattern != 0) return CL_INVALID_VALUE;
  std::memset(memory->bytes.data() + offset, 0, bytes);  // no pattern but zeros is used
  return CL_SUCCESS;
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint, const cl_event*,
                                   cl_event* event) {
  return Enqueue("clEnqueueMarkerWithWaitList", queue, false, false, event);
}

cl_int clSetEventCallback(cl_event event, cl_int, void(CL_CALLBACK* call)(cl_event, cl_int, void*),
                          void* data) {
  const cl_int code = TheWorld().Begin("clSetEventCallback");
  if (code == CL_SUCCESS) TheWorld().CallBack({event, call, data});
  return code;
}

cl_int clGetEventProfilingInfo(cl_event, cl_profiling_info what, size_t, void* value, size_t*) {
  const cl_int code = TheWorld().Begin("clGetEventProfilingInfo");
  const cl_ulong ns = what == CL_PROFILING_COMMAND_END ? 1500 : 500;
  if (code == CL_SUCCESS) std::memcpy(value, &ns, sizeof(ns));
  return code;
}

cl_int clReleaseEvent(cl_event event) { return TheWorld().Release(event, CL_INVALID_EVENT); }

cl_int clFlush(cl_command_queue queue) {
  const cl_int code = Enqueue("clFlush", queue, false, false, nullptr);
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  ++world.counts["flushes"];
  return code;
}

cl_int clFinish(cl_command_queue queue) {
  const cl_int code = Enqueue("clFinish", queue, true, false, nullptr);
  if (code != CL_SUCCESS) return code;
  World& world = TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  queue->busy = false;
  return CL_SUCCESS;
}

}  // extern "C"
