// SPDX-License-Identifier: Apache-2.0
// What the OpenCL backend computes of whole graphs, on PoCL.

#include <memory>
#include <string>
#include <vector>

#include "delegate/cpu/costs.h"
#include "delegate/opencl/opencl_backend.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/pocl.h"
#include "tests/cpp/random_graph.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_graph.h"

namespace ubp::opencl {
namespace {

std::shared_ptr<const Backend> BackendOf(const BackendOptions& options) {
  PoclContext();  // sets the environment
  BackendOptions with_costs = options;
  with_costs.xnnpack = &CpuCosts();
  std::shared_ptr<const Backend> backend;
  const Status status = MakeOpenClBackend(with_costs, &backend);
  EXPECT_TRUE(status.ok()) << status.message();
  return backend;
}

std::unique_ptr<PackedGraph> Pack(const TestGraph& graph, const BackendOptions& options = {}) {
  return BackendOf(options)->Pack(graph.graph());
}

Transfers TransfersOf(const PackedGraph& packed) {
  return *dynamic_cast<const DevicePackedGraph&>(packed).transfers();
}

class OpenClRandomGraphTest : public testing::TestWithParam<int> {};

TEST_P(OpenClRandomGraphTest, ComputesWhatItSays) {
  constexpr int kGraphs = 40;  // of a shard
  for (int seed = GetParam() * kGraphs; seed < (GetParam() + 1) * kGraphs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomGraph random(seed, true);
    TestGraph* const graph = random.graph();
    BackendOptions options;
    options.rules = random.Rules();
    const std::vector<float> input = graph->RandomInput();
    const std::unique_ptr<PackedGraph> packed = Pack(*graph, options);
    ExpectClose(graph->Run(packed.get(), input), graph->Expected(input));
    if (HasFailure()) return;  // one is enough to look at
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, OpenClRandomGraphTest, testing::Range(0, 5));

// A residual block, and what classifies it.
void BuildNetwork(TestGraph* graph) {
  const int stem = graph->Convolve(0, 12, 3, 2, Padding::kSame, false, Activation::kRelu);
  const int sparse = graph->Convolve(stem, 12, 3, 1, Padding::kSame, true);
  const int sum = graph->Sum(stem, sparse, Activation::kRelu6);
  const int wide = graph->Convolve(graph->Depthwise(sum, 3, 1, Padding::kSame), 24, 1, 1,
                                   Padding::kSame, true, Activation::kRelu);
  graph->MarkOutput(graph->Dense(graph->Mean(wide, false), 10, true));
}

TEST(OpenClBackendTest, HalfStorageIsCloseEnough) {
  TestGraph graph({2, 9, 11, 6});
  BuildNetwork(&graph);
  BackendOptions options;
  options.precision = Precision::kFp16Storage;
  const std::vector<float> input = graph.RandomInput();
  const std::unique_ptr<PackedGraph> packed = Pack(graph, options);
  ExpectClose(graph.Run(packed.get(), input), graph.Expected(input), 2e-4);
}

TEST(OpenClBackendTest, HalfSumsNeedADeviceThatHasThem) {
  BackendOptions options;
  options.precision = Precision::kFp16;
  options.xnnpack = &CpuCosts();
  const bool has_half = PoclContext()->device().has_half;
  std::shared_ptr<const Backend> backend;
  const Status status = MakeOpenClBackend(options, &backend);
  EXPECT_EQ(status.ok(), has_half);
  if (!has_half) {
    EXPECT_NE(status.message().find("use precision=fp16_storage or fp32"), std::string::npos)
        << status.message();
  }
}

TEST(OpenClBackendTest, BringsInputsAndOutputsOnceAndWeightsOncePerModel) {
  TestGraph graph({1, 9, 11, 6});
  BuildNetwork(&graph);
  const std::vector<float> input = graph.RandomInput();
  const std::unique_ptr<PackedGraph> first = Pack(graph);
  graph.Run(first.get(), input, 1);
  const Transfers once = TransfersOf(*first);
  EXPECT_EQ(once.uploads, 1);
  EXPECT_EQ(once.downloads, 1);
  EXPECT_GT(once.writes, 0);
  EXPECT_GT(first->packings(), 0);

  // Another program of the graph, as after a resize: nothing is packed, nothing uploaded again.
  const int64_t packings = first->packings();
  std::vector<Dims> dims = graph.InputDims();
  std::unique_ptr<Program> program;
  CompileOptions options;
  options.pool = std::make_shared<ThreadPool>(1);
  ASSERT_TRUE(first->Compile(options, &dims, &program).ok());
  dims[0][0] = 3;
  std::unique_ptr<Program> larger;
  ASSERT_TRUE(first->Compile(options, &dims, &larger).ok());
  EXPECT_EQ(first->packings(), packings);

  // Another interpreter of the model, while the first one has it.
  const std::unique_ptr<PackedGraph> second = Pack(graph);
  EXPECT_EQ(graph.Run(second.get(), input, 2), graph.Run(first.get(), input, 2));
  EXPECT_EQ(TransfersOf(*second).writes, 0);
  EXPECT_EQ(TransfersOf(*second).uploads, 2);
}

TEST(OpenClBackendTest, TuningChangesNoResultAndIsKept) {
  const TemporaryDirectory directory;
  TestGraph graph({1, 9, 11, 6});
  BuildNetwork(&graph);
  const std::vector<float> input = graph.RandomInput();
  const std::unique_ptr<PackedGraph> plain = Pack(graph);
  BackendOptions options;
  options.cache_directory = directory.File("gpu");
  options.tune = true;
  const std::unique_ptr<PackedGraph> tuned = Pack(graph, options);
  EXPECT_EQ(graph.Run(tuned.get(), input), graph.Run(plain.get(), input));
  const int64_t measured = TransfersOf(*tuned).kernels;
  const std::unique_ptr<PackedGraph> again = Pack(graph, options);
  EXPECT_EQ(graph.Run(again.get(), input), graph.Run(plain.get(), input));
  EXPECT_LT(TransfersOf(*again).kernels, measured / 4) << "it was measured again";
  EXPECT_EQ(TransfersOf(*again).kernels, TransfersOf(*plain).kernels / 2);
}

TEST(OpenClBackendTest, WhatIsTooLargeIsRefused) {
  TestGraph graph({1, 4, 4, 2});
  graph.MarkOutput(graph.Convolve(0, 4, 3, 1, Padding::kSame, true));
  const std::unique_ptr<PackedGraph> packed = Pack(graph);
  std::vector<Dims> dims = graph.InputDims();
  dims[0] = {1, 20000, 20000, 2};
  std::unique_ptr<Program> program;
  CompileOptions options;
  options.pool = std::make_shared<ThreadPool>(1);
  const Status status = packed->Compile(options, &dims, &program);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("backend=cpu"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace ubp::opencl
