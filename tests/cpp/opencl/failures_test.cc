// SPDX-License-Identifier: Apache-2.0
// What goes wrong on a device: an error with a sentence, never a crash, never a wait without an end.
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>
#include <vector>

#include "delegate/opencl/runtime/error.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/fake_opencl.h"
#include "tests/cpp/opencl/fake_run.h"
#include "tests/cpp/temporary_directory.h"

namespace ubp::opencl {
namespace {

// Functions that can fail without harm: what they tell is for the eye, or for the cache.
const char* const kHarmless[] = {"clGetPlatformInfo", "clGetProgramInfo",
                                 "clCreateProgramWithBinary"};

class FailuresTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
  }

  static bool Has(const Status& status, const std::string& part) {
    return status.message().find(part) != std::string::npos;
  }

  // One sentence, with the device, the code, and what to do.
  static void ExpectSentence(const Status& status, const std::string& part) {
    EXPECT_FALSE(status.ok());
    EXPECT_TRUE(Has(status, part)) << status.message();
    EXPECT_TRUE(Has(status, "backend=cpu")) << status.message();
    EXPECT_FALSE(Has(status, "\n")) << status.message();
    EXPECT_EQ(status.message().back(), '.');
  }

  RunOptions options_;
};

TEST_F(FailuresTest, NothingFails) {
  SetFake("");
  options_.queue.profile = true;
  EXPECT_TRUE(RunAll(options_).ok());
  EXPECT_EQ(GetFake("kernels"), 6);
  // What stays: the context and its program.
  EXPECT_EQ(GetFake("objects"), 2);
}

class EachCallTest : public FailuresTest, public testing::WithParamInterface<int> {};

TEST_P(EachCallTest, InTurn) {
  const TemporaryDirectory directory;
  options_.cache_directory = directory.File("cache");
  options_.queue.profile = true;
  const cl_int code = GetParam();
  int failed = 0;
  for (int call = 0;; ++call) {
    ASSERT_LT(call, 1000);
    SetFake("fail_call=" + std::to_string(call) + "\ncode=" + std::to_string(code));
    const Status status = RunAll(options_);
    if (GetFake("calls") <= call) {
      EXPECT_TRUE(status.ok()) << status.message();
      break;
    }
    int64_t harmless = 0;
    for (const char* name : kHarmless) {
      harmless += GetFake((std::string("failed ") + name).c_str());
    }
    if (harmless > 0) continue;
    SCOPED_TRACE(call);
    ExpectSentence(status, ErrorName(code));
    ++failed;
  }
  EXPECT_GT(failed, 40);
}

INSTANTIATE_TEST_SUITE_P(Codes, EachCallTest,
                         testing::Values(CL_OUT_OF_RESOURCES, CL_MEM_OBJECT_ALLOCATION_FAILURE,
                                         CL_OUT_OF_HOST_MEMORY, CL_DEVICE_NOT_AVAILABLE, -9999));

TEST_F(FailuresTest, NothingIsLeftWhereACallFails) {
  for (int call = 0; call < 100; ++call) {
    // Of a code that says that the device is lost nothing is released: it might not answer.
    SetFake("fail_call=" + std::to_string(call) + "\ncode=" + std::to_string(CL_OUT_OF_RESOURCES));
    (void)RunAll(options_).ok();
    EXPECT_LE(GetFake("objects"), 2) << call;
  }
}

TEST_F(FailuresTest, ABuildSaysWhatTheCompilerSaid) {
  SetFake("log=1 error generated\nfail=clFinish");
  ExpectSentence(
      RunAll(options_),
      "the OpenCL device 'Fake GPU' failed in clBuildProgram for 'k' (1 error generated) "
      "with CL_BUILD_PROGRAM_FAILURE");
  EXPECT_EQ(GetFake("objects"), 1) << "the context";
}

TEST_F(FailuresTest, ADeviceThatIsLostIsNotUsedAgain) {
  for (const char* setting : {"fail=clEnqueueNDRangeKernel\nafter=4\ncode=-2", "event_status=-5",
                              "fail=clFinish\nafter=1\ncode=-36"}) {
    SetFake(setting);
    const Status status = RunAll(options_);
    ExpectSentence(status, "'Fake GPU'");
    EXPECT_TRUE(Has(status, "this process does not use it any more")) << status.message();
    const int64_t calls = GetFake("clCreateCommandQueue");
    EXPECT_EQ(RunAll(options_).message(), status.message());
    EXPECT_EQ(GetFake("clCreateCommandQueue"), calls);
  }
}

TEST_F(FailuresTest, TheKernelsInQuestionAreNamed) {
  SetFake("fail=clEnqueueNDRangeKernel");
  ExpectSentence(RunAll(options_), "clEnqueueNDRangeKernel of the kernel 'k'");
  SetFake("fail=clFinish\nafter=1");
  ExpectSentence(RunAll(options_), "after the kernel 'k'");
}

TEST_F(FailuresTest, ADeviceThatHangsIsGivenUp) {
  SetFake("hang=1");
  options_.queue.time_limit_s = 0.05;
  const auto begin = std::chrono::steady_clock::now();
  const Status status = RunAll(options_);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  ExpectSentence(status, "did not answer within 0.05 s");
  EXPECT_EQ(RunAll(options_).message(), status.message());
  // The driver may call back long after the queue is gone.
  EXPECT_EQ(GetFake("wake"), 1);
}

TEST_F(FailuresTest, AHangInTheMidstOfARunNamesItsKernels) {
  SetFake("");
  Device device;
  Context* context = nullptr;
  Kernel kernel;
  Buffer buffer;
  std::unique_ptr<Queue> queue;
  QueueOptions limit;
  limit.time_limit_s = 0.05;
  ASSERT_TRUE(ChooseDevice("", &device).ok());
  ASSERT_TRUE(Context::Get(device, {}, &context).ok());
  ASSERT_TRUE(context->MakeKernel({options_.source, "k", ""}, &kernel).ok());
  ASSERT_TRUE(context->MakeBuffer(256, BufferUse::kUpload, &buffer).ok());
  ASSERT_TRUE(Queue::Make(context, limit, &queue).ok());
  ASSERT_TRUE(RunOnce(queue.get(), kernel, buffer, buffer, 1).ok());
  ASSERT_EQ(GetFake("hang"), 1);
  const Status status = RunOnce(queue.get(), kernel, buffer, buffer, 2);
  ExpectSentence(status, "after the kernel 'k'");
  EXPECT_FALSE(queue->Finish().ok());
  queue = nullptr;
  EXPECT_EQ(GetFake("wake"), 1);
}

TEST_F(FailuresTest, WithoutATimeLimitThereIsNoCallback) {
  SetFake("");
  options_.queue.time_limit_s = 0;
  EXPECT_TRUE(RunAll(options_).ok());
  EXPECT_EQ(GetFake("clSetEventCallback"), 0);
}

TEST_F(FailuresTest, CpusMayTakeAsLongAsTheyLike) {
  SetFake("type=cpu");
  EXPECT_TRUE(RunAll(options_).ok());
  EXPECT_EQ(GetFake("clSetEventCallback"), 0);
}

TEST_F(FailuresTest, TheEnvironmentSetsTheTimeLimit) {
  SetFake("hang=1");
  setenv("UBP_OPENCL_TIME_LIMIT", "0.02", 1);
  const Status status = RunAll(options_);
  unsetenv("UBP_OPENCL_TIME_LIMIT");
  ExpectSentence(status, "did not answer within 0.02 s");
}

TEST_F(FailuresTest, QueuesAreFlushedAsTheDeviceWants) {
  options_.runs = 1;
  options_.kernels = 50;
  for (const auto& [name, flushes] : {std::pair("Mali-G78", 2),
                                      {"QUALCOMM Adreno(TM) 630", 3},
                                      {"PowerVR Rogue GE8320", 12},
                                      {"PowerVR B-Series BXM-8-256", 3},
                                      {"Adreno (TM) 740", 0},
                                      {"Fake GPU", 0}}) {
    SetFake(std::string("name=") + name);
    options_.queue.time_limit_s = 0;  // no flush at the end
    ASSERT_TRUE(RunAll(options_).ok());
    EXPECT_EQ(GetFake("flushes"), flushes) << name;
  }
}

TEST_F(FailuresTest, ThreadsUseContextsSideBySide) {
  SetFake("devices=2");
  std::vector<Device> devices;
  ASSERT_TRUE(ListDevices(&devices).ok());
  std::vector<std::thread> threads;
  std::vector<std::string> errors(4);
  for (size_t t = 0; t < errors.size(); ++t) {
    threads.emplace_back([this, t, &errors, &devices] {
      for (int i = 0; i < 25 && errors[t].empty(); ++i) {
        errors[t] = RunOn(devices[(t + static_cast<size_t>(i)) % 2], options_).message();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(errors, std::vector<std::string>(4));
  EXPECT_EQ(GetFake("clCreateContext"), 2);
  EXPECT_EQ(GetFake("builds"), 2);
}

TEST_F(FailuresTest, AHundredLoads) {
  SetFake("");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(RunAll(options_).ok());
  EXPECT_EQ(GetFake("objects"), 2);
  EXPECT_EQ(GetFake("builds"), 1);
}

}  // namespace
}  // namespace ubp::opencl
