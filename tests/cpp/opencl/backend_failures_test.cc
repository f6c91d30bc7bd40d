// SPDX-License-Identifier: Apache-2.0
// Programs on a device that fails: an error wherever a call fails, none of which a program is worse for
// afterwards; and after a fatal one the CPU. What is loaded again and again, or by several threads, leaves
// nothing.

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "delegate/cpu/costs.h"
#include "delegate/cpu/cpu_backend.h"
#include "delegate/opencl/opencl_backend.h"
#include "delegate/opencl/runtime/api.h"
#include "delegate/opencl/runtime/error.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/fake_opencl.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_graph.h"

namespace ubp::opencl {
namespace {

// Functions that can fail without harm: what they tell is for the eye, or for the cache.
const char* const kHarmless[] = {"clGetPlatformInfo", "clGetProgramInfo",
                                 "clCreateProgramWithBinary", "clBuildProgram of a binary"};

// Every kind of op that has weights, and some that have none.
TestGraph MakeGraph() {
  TestGraph graph({2, 9, 9, 8});
  const int first = graph.Convolve(0, 12, 3, 1, Padding::kSame, true, Activation::kRelu);
  const int depthwise = graph.Depthwise(first, 3, 2, Padding::kSame);
  const int second = graph.Convolve(depthwise, 12, 1, 1, Padding::kValid, false);
  const int sum = graph.Sum(second, depthwise, Activation::kRelu6);
  const int pool = graph.MaxPool(sum, 2, 2, Padding::kValid);
  const int mean = graph.Mean(graph.Apply(OpType::kConcatenation, {pool, pool}), false);
  graph.MarkOutput(graph.Apply(OpType::kSoftmax, {graph.Dense(mean, 5, true)}));
  graph.MarkOutput(sum);
  return graph;
}

class BackendFailuresTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
  }

  // A model in an interpreter: loaded, run twice, resized and run again.
  struct Interpreter {
    std::shared_ptr<const Backend> backend;
    std::unique_ptr<PackedGraph> packed;
    std::unique_ptr<Program> program;
    std::vector<Dims> dims;
    std::vector<std::vector<float>> memory;

    Status Load(const Graph& graph, const BackendOptions& options) {
      UBP_RETURN_IF_ERROR(MakeOpenClBackend(options, &backend));
      packed = backend->Pack(graph);
      return Status::Ok();
    }

    Status Resize(const TestGraph& graph, int batch, bool profile) {
      program = nullptr;
      dims = graph.InputDims();
      dims[0][0] = batch;
      CompileOptions options;
      options.pool = std::make_shared<ThreadPool>(1);
      options.profile = profile;
      return packed->Compile(options, &dims, &program);
    }

    Status Run(const Graph& graph) {
      memory.assign(dims.size(), {});
      std::vector<void*> tensors(dims.size(), nullptr);
      for (size_t t = 0; t < dims.size(); ++t) {
        if (graph.tensors[t].storage == Storage::kInternal) continue;
        memory[t].assign(Elements(dims[t]), 1.0f);
        tensors[t] = memory[t].data();
      }
      return program->Run(tensors);
    }
  };

  Status LoadAndRun(bool profile = false) {
    Interpreter interpreter;
    UBP_RETURN_IF_ERROR(interpreter.Load(graph_.graph(), options_));
    for (const int batch : {2, 3}) {
      UBP_RETURN_IF_ERROR(interpreter.Resize(graph_, batch, profile));
      for (int run = 0; run < 2; ++run) UBP_RETURN_IF_ERROR(interpreter.Run(graph_.graph()));
    }
    return Status::Ok();
  }

  static void ExpectSentence(const Status& status, const std::string& part) {
    EXPECT_FALSE(status.ok());
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("backend=cpu"), std::string::npos) << status.message();
    EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
    EXPECT_EQ(status.message().substr(status.message().size() - 1), ".");
  }

  void SetUp() override { options_.xnnpack = &CpuCosts(); }

  TestGraph graph_ = MakeGraph();
  BackendOptions options_;
};

TEST_F(BackendFailuresTest, NothingFails) {
  SetFake("");
  for (const bool profile : {false, true}) {
    const Status status = LoadAndRun(profile);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  EXPECT_EQ(GetFake("builds") + 1, GetFake("objects")) << "programs and the context are what stays";
}

std::string FailedFunction() {
#define RETURN_IF_FAILED(name) \
  if (GetFake("failed " #name) > 0) return #name;
  UBP_OPENCL_FUNCTIONS(RETURN_IF_FAILED)
#undef RETURN_IF_FAILED
  return "none";
}

enum class Cache {
  kNone,
  kKept,  // over all loads
  kNew,   // for each load, which measures tilings
};

struct FailingCalls {
  cl_int code;
  int step;  // between the calls that fail
  Cache cache;
};

class EachCallOfABackendTest : public BackendFailuresTest,
                               public testing::WithParamInterface<FailingCalls> {};

TEST_P(EachCallOfABackendTest, InTurn) {
  const auto [code, step, cache] = GetParam();
  const TemporaryDirectory directory;
  if (cache != Cache::kNone) options_.cache_directory = directory.File("gpu");
  options_.tune = cache == Cache::kNew;
  int failed = 0;
  for (int call = 0;; call += step) {
    ASSERT_LT(call, 100000);
    if (cache == Cache::kNew) std::filesystem::remove_all(options_.cache_directory);
    SetFake("fail_call=" + std::to_string(call) + "\ncode=" + std::to_string(code));
    const Status status = LoadAndRun(call % 2 == 1);
    if (GetFake("calls") <= call) {
      EXPECT_TRUE(status.ok()) << status.message();
      break;
    }
    int64_t harmless = 0;
    for (const char* name : kHarmless) {
      harmless += GetFake((std::string("failed ") + name).c_str());
    }
    if (harmless > 0) continue;
    SCOPED_TRACE(FailedFunction());
    ExpectSentence(status, ErrorName(code));
    ++failed;
  }
  EXPECT_GT(failed, (cache == Cache::kNew ? 1000 : 250) / step) << "of measuring tilings, too";
}

INSTANTIATE_TEST_SUITE_P(Codes, EachCallOfABackendTest,
                         testing::Values(FailingCalls{CL_OUT_OF_RESOURCES, 1, Cache::kNone},
                                         FailingCalls{CL_DEVICE_NOT_AVAILABLE, 11, Cache::kNone},
                                         FailingCalls{CL_OUT_OF_RESOURCES, 1, Cache::kKept},
                                         FailingCalls{CL_OUT_OF_RESOURCES, 17, Cache::kNew}));

TEST_F(BackendFailuresTest, AProgramGoesOnAfterAFailureThatIsNotFatal) {
  SetFake("");
  Interpreter interpreter;
  ASSERT_TRUE(interpreter.Load(graph_.graph(), options_).ok());
  ASSERT_TRUE(interpreter.Resize(graph_, 2, false).ok());
  const int64_t before = GetFake("calls");
  ASSERT_TRUE(interpreter.Run(graph_.graph()).ok());
  const int64_t calls = GetFake("calls") - before;
  for (int64_t call = 0; call < calls; ++call) {
    FailNextCall(call, CL_OUT_OF_HOST_MEMORY);
    ExpectSentence(interpreter.Run(graph_.graph()), "CL_OUT_OF_HOST_MEMORY");
    EXPECT_TRUE(interpreter.Run(graph_.graph()).ok()) << call;
  }
}

TEST_F(BackendFailuresTest, AfterADeviceIsLostTheCpuIsThere) {
  SetFake("");
  Interpreter interpreter;
  ASSERT_TRUE(interpreter.Load(graph_.graph(), options_).ok());
  ASSERT_TRUE(interpreter.Resize(graph_, 2, false).ok());
  ASSERT_TRUE(interpreter.Run(graph_.graph()).ok());
  FailNextCall(5, CL_DEVICE_NOT_AVAILABLE);
  ExpectSentence(interpreter.Run(graph_.graph()), "does not use it any more");
  ExpectSentence(interpreter.Run(graph_.graph()), "does not use it any more");
  ExpectSentence(interpreter.Resize(graph_, 3, false), "does not use it any more");
  Interpreter next;
  ExpectSentence(next.Load(graph_.graph(), options_), "does not use it any more");
  next.packed = MakeCpuBackend(&BestInstructionSet(), PlanRules())->Pack(graph_.graph());
  ASSERT_TRUE(next.Resize(graph_, 2, false).ok());
  EXPECT_TRUE(next.Run(graph_.graph()).ok());
}

TEST_F(BackendFailuresTest, ADeviceThatHangsIsGivenUp) {
  SetFake("");
  setenv("UBP_OPENCL_TIME_LIMIT", "0.05", 1);
  Interpreter interpreter;
  ASSERT_TRUE(interpreter.Load(graph_.graph(), options_).ok());
  ASSERT_TRUE(interpreter.Resize(graph_, 2, false).ok());
  unsetenv("UBP_OPENCL_TIME_LIMIT");
  ASSERT_EQ(GetFake("hang"), 1);
  ExpectSentence(interpreter.Run(graph_.graph()), "did not answer within 0.05 s");
  ExpectSentence(interpreter.Run(graph_.graph()), "did not answer within 0.05 s");
  interpreter = Interpreter();
  EXPECT_EQ(GetFake("wake"), 1) << "the driver calls back when all else is gone";
}

TEST_F(BackendFailuresTest, AnEventThatFailsLosesTheDeviceUntilThereIsANewOne) {
  SetFake("");
  ASSERT_TRUE(LoadAndRun().ok());
  SetFake("event_status=-36");  // an invalid queue
  ExpectSentence(LoadAndRun(), "does not use it any more");
  SetFake("");
  EXPECT_TRUE(LoadAndRun().ok());
}

TEST_F(BackendFailuresTest, TwoThreadsWithTwoInterpretersEach) {
  SetFake("");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([this] {
      for (int i = 0; i < 10; ++i) {
        const Status first = LoadAndRun();
        const Status second = LoadAndRun();
        EXPECT_TRUE(first.ok() && second.ok()) << first.message() << second.message();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(BackendFailuresTest, AHundredLoadsLeaveNothing) {
  SetFake("");
  ASSERT_TRUE(LoadAndRun().ok());
  const int64_t objects = GetFake("objects");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(LoadAndRun().ok());
  EXPECT_EQ(GetFake("objects"), objects);
}

}  // namespace
}  // namespace ubp::opencl
