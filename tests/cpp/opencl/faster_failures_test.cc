// SPDX-License-Identifier: Apache-2.0
// The CPU or the device, whichever a measurement says, where the device fails: on the fake OpenCL, whose
// results are wrong.

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "delegate/cpu/costs.h"
#include "delegate/opencl/faster_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/child.h"
#include "tests/cpp/opencl/fake_opencl.h"
#include "tests/cpp/opencl/names_in.h"
#include "tests/cpp/opencl/slow_backend.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_graph.h"

namespace ubp::opencl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kDevice[] = "Fake GPU";

class FasterFailuresTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
  }

  void SetUp() override { graph_.MarkOutput(graph_.Convolve(0, 8, 3, 1, Padding::kSame, true)); }

  std::shared_ptr<const Backend> MakeBackend(bool tune) {
    FasterOptions options;
    options.device.cache_directory = directory_.File("gpu");
    options.device.tune = tune;
    options.device.xnnpack = &CpuCosts();
    options.tell = [this](const std::string& sentence, bool is_warning) {
      (is_warning ? warnings_ : told_).push_back(sentence);
    };
    return MakeFasterBackend(std::make_shared<SlowBackend>(kSlowMs), options);
  }

  // What a program of the graph runs on.
  std::string RunsOn(PackedGraph* packed) {
    std::vector<Dims> dims = graph_.InputDims();
    CompileOptions options;
    options.pool = std::make_shared<ThreadPool>(1);
    std::unique_ptr<Program> program;
    const Status status = packed->Compile(options, &dims, &program);
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok()) return "";
    EXPECT_EQ(dims[1], graph_.dims(1));
    return program->name();
  }

  // Two graphs of one backend, with two programs each: all on the CPU, as is told once.
  void ExpectCpu(bool tune, const std::string& why) {
    const std::shared_ptr<const Backend> backend = MakeBackend(tune);
    for (int interpreter = 0; interpreter < 2; ++interpreter) {
      const std::unique_ptr<PackedGraph> packed = backend->Pack(graph_.graph());
      EXPECT_EQ(RunsOn(packed.get()), "cpu");
      const std::vector<float> input = graph_.RandomInput();
      ExpectClose(graph_.Run(packed.get(), input), graph_.Expected(input));
    }
    EXPECT_THAT(warnings_,
                ElementsAre(AllOf(StartsWith("backend=auto uses the CPU: "), HasSubstr(why))));
    EXPECT_THAT(told_, IsEmpty());
  }

  // Leaves a record that says that the device is faster.
  void LetTheDeviceWin() {
    SetFake("");
    EXPECT_EQ(RunsOn(MakeBackend(true)->Pack(graph_.graph()).get()), kDevice);
    EXPECT_THAT(told_, ElementsAre(HasSubstr("it uses the device")));
    told_.clear();
  }

  static constexpr int kSlowMs = 100;  // far above what the fake takes

  TestGraph graph_ = TestGraph({1, 8, 8, 4});
  TemporaryDirectory directory_;
  std::vector<std::string> warnings_;
  std::vector<std::string> told_;
};

TEST_F(FasterFailuresTest, ADeviceThatDoesNotCompile) {
  SetFake("log=1 error generated");
  ExpectCpu(true, "1 error generated");
}

TEST_F(FasterFailuresTest, ADeviceThatDoesNotCompileAnyMoreWhatItWonWith) {
  LetTheDeviceWin();
  EXPECT_EQ(RunsOn(MakeBackend(false)->Pack(graph_.graph()).get()), kDevice);
  SetFake("log=1 error generated");
  ExpectCpu(false, "1 error generated");
}

TEST_F(FasterFailuresTest, ADeviceWhoseFirstRunFails) {
  for (const char* code : {"-6", "-2"}) {  // out of memory; out of resources: the device is lost
    SetFake(std::string("fail=clEnqueueMapBuffer\ncode=") + code);
    ExpectCpu(true, "clEnqueueMapBuffer");
    warnings_.clear();
  }
}

TEST_F(FasterFailuresTest, WhatTheCacheWarnsOfIsToldOnTheCpuToo) {
  LetTheDeviceWin();
  for (const std::string& name : NamesIn(directory_.File("gpu"))) {
    directory_.Write("gpu/" + name, "damaged");
  }
  const std::unique_ptr<PackedGraph> packed = MakeBackend(false)->Pack(graph_.graph());
  EXPECT_EQ(RunsOn(packed.get()), "cpu") << "without a record";
  EXPECT_THAT(packed->TakeWarnings(), ElementsAre(HasSubstr("is damaged")));
  EXPECT_THAT(packed->TakeWarnings(), IsEmpty());
}

TEST_F(FasterFailuresTest, AChildForkedWhileTheDeviceIsLookedForUsesTheCpu) {
  SetFake("slow=clGetDeviceIDs");
  const std::shared_ptr<const Backend> backend = MakeBackend(false);
  const std::unique_ptr<PackedGraph> packed = backend->Pack(graph_.graph());
  std::thread looks_for_it([&] { RunsOn(packed.get()); });
  while (GetFake("clGetDeviceIDs") == 0) std::this_thread::yield();
  EXPECT_TRUE(SucceedsInChild([&] {
    const std::unique_ptr<PackedGraph> own = backend->Pack(graph_.graph());
    EXPECT_EQ(RunsOn(own.get()), "cpu");
    EXPECT_EQ(RunsOn(own.get()), "cpu");
    EXPECT_THAT(warnings_, ElementsAre(HasSubstr("before this process was forked")));
    EXPECT_THAT(own->TakeWarnings(), IsEmpty());
  }));
  looks_for_it.join();
  EXPECT_THAT(warnings_, IsEmpty());
}

}  // namespace
}  // namespace ubp::opencl
