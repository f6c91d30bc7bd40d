// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/api.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <mutex>

#include "delegate/base/fork.h"

namespace ubp::opencl {
namespace {

// On a Pixel the functions are not exported: these two are, and give the others.
using Enable = void (*)();
using Find = void* (*)(const char* name);

struct Loaded {
  std::mutex mutex;
  bool tried = false;
  Status status = Status::Ok();
  Api api;
};

// One above ForkCount() in the process that was the first to ask; 0 before.
std::atomic<uint64_t> first_asked{0};

// Never destroyed: threads of OpenCL outlive static objects.
Loaded& TheLoaded() {
  static Loaded* const loaded = new Loaded;
  return *loaded;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Status NotFound(const std::vector<std::string>& names) {
#ifdef __ANDROID__
  const char* const remedy =
      "add <uses-native-library android:name=\"libOpenCL.so\" android:required=\"false\"/> to the "
      "app's manifest, which Android 12 and later want, or use backend=cpu.";
#else
  const char* const remedy =
      "install the OpenCL driver of your GPU and an OpenCL loader (Debian: ocl-icd-libopencl1), or "
      "use backend=cpu.";
#endif
  return Status::Error("no OpenCL library could be opened (tried " + Listed(names) + "); " +
                       remedy);
}

// `*found` says whether there was a library of that name.
Status LoadLibrary(const std::string& name, Api* api, bool* found) {
  void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  *found = library != nullptr;
  if (library == nullptr) return Status::Ok();
  api->library = name;
  const auto enable = reinterpret_cast<Enable>(dlsym(library, "enableOpenCL"));
  const auto find = reinterpret_cast<Find>(dlsym(library, "loadOpenCLPointer"));
  if (enable != nullptr) enable();
  const char* missing = nullptr;
#define UBP_OPENCL_LOAD(name)                                                                 \
  api->name = reinterpret_cast<decltype(api->name)>(find != nullptr ? find(#name)             \
                                                                    : dlsym(library, #name)); \
  if (api->name == nullptr && missing == nullptr) missing = #name;
  UBP_OPENCL_FUNCTIONS(UBP_OPENCL_LOAD)
#undef UBP_OPENCL_LOAD
  if (missing == nullptr) return Status::Ok();
  return Status::Error("the OpenCL library '" + name + "' has no " + missing +
                       ", which OpenCL 1.2 has; update the driver, or use backend=cpu.");
}

// Keeps the library that this function is in for as long as the process.
void StayLoaded() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&StayLoaded), &info) == 0 || info.dli_fname == nullptr) return;
  dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

Status LoadOnce(Api* api) {
  const std::vector<std::string> names = LibraryNames();
  Status lacking = Status::Ok();
  for (const std::string& name : names) {
    bool found = false;
    const Status status = LoadLibrary(name, api, &found);
    if (found && status.ok()) {
      StayLoaded();
      return status;
    }
    if (lacking.ok()) lacking = status;
  }
  return lacking.ok() ? NotFound(names) : lacking;
}

}  // namespace

std::vector<std::string> LibraryNames() {
  const char* const named = std::getenv("UBP_OPENCL_LIBRARY");
  if (named != nullptr && *named != '\0') return {named};
#ifdef __ANDROID__
  const std::string lib = sizeof(void*) == 8 ? "lib64/" : "lib/";
  return {"libOpenCL.so",
          "libOpenCL-pixel.so",
          "libOpenCL-car.so",
          "/vendor/" + lib + "libOpenCL.so",
          "/system/vendor/" + lib + "libOpenCL.so",
          "/system/" + lib + "libOpenCL.so",
          "libGLES_mali.so",
          "/vendor/" + lib + "egl/libGLES_mali.so",
          "/system/vendor/" + lib + "egl/libGLES_mali.so",
          "libmali.so",
          "libPVROCL.so",
          "/vendor/" + lib + "libPVROCL.so",
          "/system/vendor/" + lib + "libPVROCL.so"};
#else
  return {"libOpenCL.so", "libOpenCL.so.1", "libGLES_mali.so", "libmali.so", "libPVROCL.so"};
#endif
}

bool IsOwnProcess() { return first_asked.load() == ForkCount() + 1; }

Status LoadApi(const Api** api) {
  uint64_t nobody = 0;
  // Before the mutex: a child forked while another thread loads must not wait for that.
  first_asked.compare_exchange_strong(nobody, ForkCount() + 1);
  if (!IsOwnProcess()) {
    return Status::Error(
        "OpenCL was in use before this process was forked, and cannot be used in it; use "
        "backend=cpu here, or start the process anew instead of forking.");
  }
  Loaded& loaded = TheLoaded();
  const std::lock_guard<std::mutex> lock(loaded.mutex);
  if (!loaded.tried) loaded.status = LoadOnce(&loaded.api);
  loaded.tried = true;
  *api = &loaded.api;
  return loaded.status;
}

}  // namespace ubp::opencl
