// SPDX-License-Identifier: Apache-2.0
// How tests tell tests/cpp/opencl/fake_opencl.cc, a library of OpenCL 1.2 without a device, what to do.
//
// It keeps what it is given, checks its arguments, and counts; kernels do nothing. Three functions that
// OpenCL does not have:
//
//   void fake_opencl_set(const char* settings);   begins anew, with other devices than before
//   void fake_opencl_fail(int64_t call, int32_t code);   of the calls from now on, from 0, one fails
//   int64_t fake_opencl_get(const char* what);    counts since then
//
// Settings are "name=value" with '\n' between them, in which '_' of values stands for itself:
//
//   devices=1              how many devices
//   type=gpu               or cpu, accelerator
//   name, vendor, version  of the devices: "Fake GPU", "Fake", "OpenCL 1.2 fake"
//   extensions=            of the devices
//   fail_call=K            the K-th call of those that can fail, from 0, fails, once
//   fail=clFinish          all calls of this function fail
//   after=K                but not the first K of them
//   code=-5                with this code
//   event_status=-5        what is to be waited for on the device ends with this error
//   hang=1                 nothing ends on the device; who waits for it without a time limit is shot
//   log=TEXT               no program builds, and this is the compiler's log
//   crash=1                the process is killed where a binary is read
//   refuse=1               binaries are refused
//   slow=clGetDeviceIDs    calls of this function take half a second
//
// Counts: calls (of those that can fail), objects (not released), builds (from source), binaries (built
// from one), kernels (run), flushes; of a function, "clFinish", its calls, and "failed clFinish", those that
// failed, among them "failed clBuildProgram of a binary". "hang" lets all hang from now on; "wake" calls
// back for what hangs, and says how many those were.
// The environment variable FAKE_OPENCL has the first settings.
#ifndef UBP_TESTS_CPP_OPENCL_FAKE_OPENCL_H_
#define UBP_TESTS_CPP_OPENCL_FAKE_OPENCL_H_

#include <cstdint>
#include <string>

namespace ubp::opencl {

// The fake that UBP_OPENCL_LIBRARY names, which must be set.
void SetFake(const std::string& settings);
void FailNextCall(int64_t call, int32_t code);
int64_t GetFake(const char* what);

// Where a library of tests/cpp/opencl lies: "libfake_opencl.so".
std::string FakeLibrary(const std::string& name);

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_FAKE_OPENCL_H_
