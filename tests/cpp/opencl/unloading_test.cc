// SPDX-License-Identifier: Apache-2.0
// The delegate's library with a GPU: loaded and unloaded again and again, and left loaded at the end. Each
// case is in a child, as an OpenCL library stays in its process.
#include <dlfcn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tests/cpp/child.h"
#include "tests/cpp/opencl/fake_opencl.h"

namespace ubp::opencl {
namespace {

using Create = void* (*)(const char* const* keys, const char* const* values, size_t count,
                         void (*report_error)(const char*));
using Destroy = void (*)(void* delegate);

std::string error_of_delegate;

class Library {
 public:
  Library() {
    const std::string path =
        std::string(std::getenv("TEST_SRCDIR")) + "/ubp/delegate/tflite/libubp_delegate.so";
    handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(handle_, nullptr) << dlerror();
  }

  // A delegate on the GPU; null where that fails, and then error_of_delegate says why.
  void* Make() const {
    const char* const keys[] = {"backend"};
    const char* const values[] = {"gpu"};
    const auto create = reinterpret_cast<Create>(dlsym(handle_, "tflite_plugin_create_delegate"));
    return create(keys, values, 1, [](const char* error) { error_of_delegate = error; });
  }
  void Free(void* delegate) const {
    reinterpret_cast<Destroy>(dlsym(handle_, "tflite_plugin_destroy_delegate"))(delegate);
  }
  void Close() const { EXPECT_EQ(dlclose(handle_), 0); }

 private:
  void* handle_;
};

void UseFake() { setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1); }

TEST(UnloadingTest, AHundredTimes) {
  EXPECT_TRUE(SucceedsInChild([] {
    UseFake();
    for (int i = 0; i < 100; ++i) {
      const Library library;
      void* const delegate = library.Make();
      ASSERT_NE(delegate, nullptr) << error_of_delegate;
      library.Free(delegate);
      library.Close();
    }
    EXPECT_EQ(GetFake("clCreateContext"), 1) << "OpenCL calls the library back: it must stay";
  }));
}

TEST(UnloadingTest, WithoutOpenClThereIsNoDelegate) {
  EXPECT_TRUE(SucceedsInChild([] {
    setenv("UBP_OPENCL_LIBRARY", "/no/such/library", 1);
    Library library;
    EXPECT_EQ(library.Make(), nullptr);
    EXPECT_EQ(error_of_delegate.rfind("backend=gpu: no OpenCL library", 0), 0u)
        << error_of_delegate;
  }));
}

TEST(UnloadingTest, AProcessMayEndWithTheDelegateAndTheLibraryThere) {
  const pid_t child = fork();
  if (child == 0) {
    UseFake();
    static const Library library;
    static void* const delegate = library.Make();
    std::exit(delegate != nullptr ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace ubp::opencl
