// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/opencl/pocl.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace ubp::opencl {
namespace {

[[noreturn]] void Stop(const std::string& why) {
  std::fprintf(stderr, "%s\nTests on OpenCL need PoCL: run './run setup', or install %s.\n",
               why.c_str(), "pocl-opencl-icd");
  std::exit(1);
}

Context* Make() {
  const char* const directory = std::getenv("TEST_TMPDIR");  // Bazel's
  if (directory != nullptr) {
    setenv("POCL_CACHE_DIR", (std::string(directory) + "/pocl").c_str(), 0);
    setenv("HOME", directory, 0);  // Bazel gives none, and PoCL wants one
  }
  Device device;
  Status status = ChooseDevice("", &device);
  if (!status.ok()) Stop(status.message());
  Context* context = nullptr;
  status = Context::Get(device, {}, &context);
  if (!status.ok()) Stop(status.message());
  return context;
}

}  // namespace

Context* PoclContext() {
  static Context* const context = Make();
  return context;
}

}  // namespace ubp::opencl
