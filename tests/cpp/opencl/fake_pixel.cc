// SPDX-License-Identifier: Apache-2.0
// As on a Pixel: OpenCL's functions are not exported, and have to be enabled.
#include <cstring>

#include "delegate/opencl/runtime/api.h"

namespace {

bool enabled = false;

struct Named {
  const char* name;
  void* function;
};

#define NAMED(name) {#name, reinterpret_cast<void*>(&name)},
const Named all[] = {UBP_OPENCL_FUNCTIONS(NAMED)};

}  // namespace

extern "C" void enableOpenCL() { enabled = true; }

extern "C" void* loadOpenCLPointer(const char* name) {
  if (!enabled) return nullptr;
  for (const Named& one : all) {
    if (std::strcmp(one.name, name) == 0) return one.function;
  }
  return nullptr;
}
