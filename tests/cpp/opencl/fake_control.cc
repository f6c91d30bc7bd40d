// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "tests/cpp/opencl/fake_opencl.h"

namespace ubp::opencl {
namespace {

void* Find(const char* name) {
  const char* const library = std::getenv("UBP_OPENCL_LIBRARY");
  void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  void* const function = handle == nullptr ? nullptr : dlsym(handle, name);
  if (function == nullptr) {
    std::fprintf(stderr, "UBP_OPENCL_LIBRARY is %s: %s\n", library, dlerror());
    std::abort();
  }
  return function;
}

}  // namespace

void SetFake(const std::string& settings) {
  reinterpret_cast<void (*)(const char*)>(Find("fake_opencl_set"))(settings.c_str());
}

void FailNextCall(int64_t call, int32_t code) {
  reinterpret_cast<void (*)(int64_t, int32_t)>(Find("fake_opencl_fail"))(call, code);
}

int64_t GetFake(const char* what) {
  return reinterpret_cast<int64_t (*)(const char*)>(Find("fake_opencl_get"))(what);
}

std::string FakeLibrary(const std::string& name) {
  return std::string(std::getenv("TEST_SRCDIR")) + "/ubp/tests/cpp/opencl/" + name;
}

}  // namespace ubp::opencl
