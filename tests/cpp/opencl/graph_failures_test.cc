// SPDX-License-Identifier: Apache-2.0
// Graphs on a device where each call fails in turn, on the fake OpenCL: an error with a sentence, and the
// next interpreter is none the worse.

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "delegate/cpu/costs.h"
#include "delegate/opencl/opencl_backend.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/fake_opencl.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_graph.h"

namespace ubp::opencl {
namespace {

class GraphFailuresTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
  }

  GraphFailuresTest() {
    const int wide = graph_.Convolve(0, 8, 3, 1, Padding::kSame, true, Activation::kRelu);
    const int sum = graph_.Sum(wide, graph_.Convolve(wide, 8, 1, 1, Padding::kSame, false));
    graph_.MarkOutput(graph_.Dense(graph_.Mean(sum, false), 5, false));
  }

  // All that an interpreter does with the graph: it is loaded, run, resized, and run again.
  Status Use(const BackendOptions& options) {
    BackendOptions with_costs = options;
    with_costs.xnnpack = &CpuCosts();
    std::shared_ptr<const Backend> backend;
    UBP_RETURN_IF_ERROR(MakeOpenClBackend(with_costs, &backend));
    const std::unique_ptr<PackedGraph> packed = backend->Pack(graph_.graph());
    CompileOptions compile;
    compile.pool = std::make_shared<ThreadPool>(1);
    compile.profile = true;
    for (const int batch : {1, 2}) {
      std::vector<Dims> dims = graph_.InputDims();
      dims[0][0] = batch;
      std::unique_ptr<Program> program;
      UBP_RETURN_IF_ERROR(packed->Compile(compile, &dims, &program));
      std::vector<std::vector<float>> memory(dims.size());
      std::vector<void*> tensors(dims.size(), nullptr);
      for (size_t t = 0; t < dims.size(); ++t) {
        memory[t].assign(Elements(dims[t]), 1.0f);
        tensors[t] = memory[t].data();
      }
      for (int run = 0; run < 2; ++run) UBP_RETURN_IF_ERROR(program->Run(tensors));
    }
    return Status::Ok();
  }

  TestGraph graph_ = TestGraph({1, 6, 6, 4});
};

TEST_F(GraphFailuresTest, EachCallInTurn) {
  const TemporaryDirectory directory;
  BackendOptions options;
  options.cache_directory = directory.File("gpu");
  options.tune = true;
  int failed = 0;
  int64_t calls = 0;
  // Every call at the begin; then a sample, since there are thousands.
  for (int64_t call = 0;; call += call < 200 ? 1 : 17) {
    SetFake("fail_call=" + std::to_string(call));
    const Status status = Use(options);
    calls = GetFake("calls");
    if (calls <= call) {
      EXPECT_TRUE(status.ok()) << status.message();
      break;
    }
    if (status.ok()) continue;  // what only the cache or the eye misses
    ++failed;
    EXPECT_NE(status.message().find("CL_OUT_OF_RESOURCES"), std::string::npos) << status.message();
    EXPECT_EQ(status.message().find('\n'), std::string::npos) << status.message();
    EXPECT_EQ(status.message().back(), '.');
  }
  EXPECT_GT(failed, 100);
}

TEST_F(GraphFailuresTest, LosingTheDeviceInTheMidst) {
  SetFake("");
  ASSERT_TRUE(Use({}).ok());
  SetFake("event_status=-36");  // an invalid queue: the device is gone
  const Status status = Use({});
  EXPECT_FALSE(status.ok());
  SetFake("");
  EXPECT_TRUE(Use({}).ok()) << "a new device";
}

TEST_F(GraphFailuresTest, TwoThreadsWithTwoInterpretersEach) {
  SetFake("");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([this] {
      for (int i = 0; i < 10; ++i) {
        const Status first = Use({});
        const Status second = Use({});
        EXPECT_TRUE(first.ok() && second.ok()) << first.message() << second.message();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(GraphFailuresTest, AHundredLoadsLeaveNothing) {
  SetFake("");
  ASSERT_TRUE(Use({}).ok());
  const int64_t objects = GetFake("objects");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Use({}).ok());
  EXPECT_EQ(GetFake("objects"), objects);
}

}  // namespace
}  // namespace ubp::opencl
