// SPDX-License-Identifier: Apache-2.0
// Finding an OpenCL library and its devices. The library is opened once per process: so each case is in
// a child of its own.
#include <dlfcn.h>

#include <cstdlib>

#include "delegate/opencl/runtime/api.h"
#include "delegate/opencl/runtime/device.h"
#include "gtest/gtest.h"
#include "tests/cpp/child.h"
#include "tests/cpp/opencl/fake_opencl.h"
#include "tests/cpp/opencl/fake_run.h"

namespace ubp::opencl {
namespace {

bool Has(const Status& status, const char* part) {
  return status.message().find(part) != std::string::npos;
}

// The status of RunAll in a child with this library and these settings of the fake.
void ExpectFailure(const std::string& library, const char* settings, const char* part) {
  EXPECT_TRUE(SucceedsInChild([&] {
    setenv("UBP_OPENCL_LIBRARY", library.c_str(), 1);
    setenv("FAKE_OPENCL", settings, 1);
    const Status status = RunAll({});
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(Has(status, part)) << status.message();
    EXPECT_TRUE(Has(status, "backend=cpu")) << "the remedy: " << status.message();
    EXPECT_FALSE(Has(status, "\n"));
    EXPECT_EQ(RunAll({}).message(), status.message()) << "the second time";
  }));
}

TEST(LoadingTest, WithoutALibrary) {
  ExpectFailure("/no/such/libOpenCL.so", "",
                "no OpenCL library could be opened (tried /no/such/libOpenCL.so)");
}

TEST(LoadingTest, LibraryWithoutAFunctionOfOpenCl12) {
  const std::string library = FakeLibrary("libfake_lacking.so");
  ExpectFailure(library, "", "has no clEnqueueFillBuffer");
}

TEST(LoadingTest, LibraryOfAnotherKind) {
  EXPECT_TRUE(SucceedsInChild([] {
    setenv("UBP_OPENCL_LIBRARY", "libc.so.6", 1);
    const Api* api = nullptr;
    const Status status = LoadApi(&api);
    EXPECT_TRUE(Has(status, "'libc.so.6' has no clBuildProgram")) << status.message();
  }));
}

TEST(LoadingTest, WithoutADevice) {
  ExpectFailure(FakeLibrary("libfake_opencl.so"), "devices=0",
                "there is an OpenCL library and no device");
}

TEST(LoadingTest, DeviceThatIsTooOld) {
  ExpectFailure(FakeLibrary("libfake_opencl.so"), "version=OpenCL 1.1 old",
                "0 'Fake GPU' (which has OpenCL 1.1, and 1.2 is needed)");
}

TEST(LoadingTest, FunctionsOfAPixelAreEnabledFirst) {
  EXPECT_TRUE(SucceedsInChild([] {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_pixel.so").c_str(), 1);
    const Status status = RunAll({});
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_GT(GetFake("kernels"), 0);
  }));
}

TEST(LoadingTest, NothingBeyondTheFunctionsOfTheListIsNeeded) {
  EXPECT_TRUE(SucceedsInChild([] {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
    void* const library = dlopen(std::getenv("UBP_OPENCL_LIBRARY"), RTLD_NOW);
    EXPECT_EQ(dlsym(library, "clCreateCommandQueueWithProperties"), nullptr) << "it is of 2.0";
    const Status status = RunAll({});
    EXPECT_TRUE(status.ok()) << status.message();
  }));
}

TEST(LoadingTest, GpusComeBeforeCpusAndNamesAreFound) {
  EXPECT_TRUE(SucceedsInChild([] {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
    SetFake("type=cpu\nname=Slow CPU\ndevices=2");
    std::vector<Device> devices;
    ASSERT_TRUE(ListDevices(&devices).ok());
    ASSERT_EQ(devices.size(), 2u);
    Device device;
    ASSERT_TRUE(ChooseDevice("", &device).ok()) << "it is all there is";
    EXPECT_EQ(device.id, devices[0].id);
    ASSERT_TRUE(ChooseDevice("1", &device).ok());
    EXPECT_EQ(device.id, devices[1].id);
    ASSERT_TRUE(ChooseDevice("slow", &device).ok());
    EXPECT_EQ(device.type, DeviceType::kCpu);
    const Status status = ChooseDevice("Mali", &device);
    EXPECT_EQ(status.message(),
              "no OpenCL device that can be used is 'Mali'; there are: 0 'Slow CPU', 1 'Slow CPU'; "
              "choose one of them with gpu_device, or use backend=cpu.");
    EXPECT_FALSE(ChooseDevice("2", &device).ok());
  }));
}

TEST(LoadingTest, AChildOfAProcessThatUsesOpenClIsTold) {
  EXPECT_TRUE(SucceedsInChild([] {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
    Device device;
    Context* context = nullptr;
    std::unique_ptr<Queue> queue;
    ASSERT_TRUE(ChooseDevice("", &device).ok());
    ASSERT_TRUE(Context::Get(device, {}, &context).ok());
    ASSERT_TRUE(Queue::Make(context, {}, &queue).ok());
    EXPECT_TRUE(SucceedsInChild([&] {
      for (const Status& status : {RunAll({}), queue->Finish(), context->health()}) {
        EXPECT_TRUE(Has(status, "before this process was forked")) << status.message();
      }
      queue = nullptr;  // calls nothing
    }));
    EXPECT_TRUE(queue->Finish().ok()) << "the parent goes on";
  }));
}

TEST(LoadingTest, AProcessEndsInTheMidstOfARun) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
    static std::unique_ptr<Queue> queue;  // destroyed at exit, as an interpreter may be
    static Kernel kernel;
    Device device;
    Context* context = nullptr;
    const bool ok = ChooseDevice("", &device).ok() && Context::Get(device, {}, &context).ok() &&
                    context->MakeKernel({"__kernel void k() {}", "k", ""}, &kernel).ok() &&
                    Queue::Make(context, {}, &queue).ok() &&
                    queue->Run(kernel, {1, 1, 1}, {1, 1, 1}).ok();
    std::exit(ok ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(LoadingTest, LibrariesAreTriedInTurn) {
  unsetenv("UBP_OPENCL_LIBRARY");
  EXPECT_EQ(LibraryNames().front(), "libOpenCL.so");
  EXPECT_GT(LibraryNames().size(), 3u);
  setenv("UBP_OPENCL_LIBRARY", "", 1);
  EXPECT_GT(LibraryNames().size(), 3u);
}

}  // namespace
}  // namespace ubp::opencl
