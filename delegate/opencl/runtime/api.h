// SPDX-License-Identifier: Apache-2.0
// The functions of OpenCL 1.2 that the delegate calls, found at run time: it is not linked against
// libOpenCL, and works where there is none.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_API_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_API_H_

#include <CL/cl.h>

#include <string>
#include <vector>

#include "delegate/base/status.h"

// All of them must be there, and nothing else: libraries of OpenCL 3.0 lack some of 2.x.
#define UBP_OPENCL_FUNCTIONS(X)  \
  X(clBuildProgram)              \
  X(clCreateBuffer)              \
  X(clCreateCommandQueue)        \
  X(clCreateContext)             \
  X(clCreateKernel)              \
  X(clCreateProgramWithBinary)   \
  X(clCreateProgramWithSource)   \
  X(clEnqueueFillBuffer)         \
  X(clEnqueueMapBuffer)          \
  X(clEnqueueMarkerWithWaitList) \
  X(clEnqueueNDRangeKernel)      \
  X(clEnqueueUnmapMemObject)     \
  X(clEnqueueWriteBuffer)        \
  X(clFinish)                    \
  X(clFlush)                     \
  X(clGetDeviceIDs)              \
  X(clGetDeviceInfo)             \
  X(clGetEventProfilingInfo)     \
  X(clGetKernelWorkGroupInfo)    \
  X(clGetPlatformIDs)            \
  X(clGetPlatformInfo)           \
  X(clGetProgramBuildInfo)       \
  X(clGetProgramInfo)            \
  X(clReleaseCommandQueue)       \
  X(clReleaseContext)            \
  X(clReleaseEvent)              \
  X(clReleaseKernel)             \
  X(clReleaseMemObject)          \
  X(clReleaseProgram)            \
  X(clSetEventCallback)          \
  X(clSetKernelArg)

namespace ubp::opencl {

struct Api {
#define UBP_OPENCL_DECLARE(name) decltype(&::name) name = nullptr;
  UBP_OPENCL_FUNCTIONS(UBP_OPENCL_DECLARE)
#undef UBP_OPENCL_DECLARE
  std::string library;  // the name it was found by
};

// Opens the library at the first call, once per process; it is never closed, and nor is the library
// that this code is in, which OpenCL calls back. Any thread. The environment variable
// UBP_OPENCL_LIBRARY names another library than those of LibraryNames(). Fails with what to do where
// there is none, where it lacks a function, and in a forked child of a process that has opened it:
// OpenCL's threads are not there.
Status LoadApi(const Api** api);

// Whether the calling process is the one that has opened the library.
bool IsOwnProcess();

// What is tried, in turn.
std::vector<std::string> LibraryNames();

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_API_H_
