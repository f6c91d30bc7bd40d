// SPDX-License-Identifier: Apache-2.0
// What the profile of a plan says that its steps have to do.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "delegate/cpu/operators/block_size.h"
#include "delegate/cpu/plan/plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

using ::testing::SizeIs;

// Of all steps of a graph that are no conversions.
std::vector<std::vector<StepWork>> WorkOf(const TestGraph& test, const PlanRules& rules,
                                          bool conversions = false) {
  PlanOptions options{&BestInstructionSet(), 1, rules, true};
  std::vector<Dims> dims = test.InputDims();
  std::unique_ptr<Plan> plan;
  PackedWeights weights;
  const Status status = Plan::Make(test.graph(), options, &weights, &dims, &plan);
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<std::vector<StepWork>> work;
  for (const StepProfile& step : plan->profile()) {
    if (step.is_conversion == conversions) work.push_back(step.work);
  }
  return work;
}

struct Expected {
  std::string kind;
  int64_t operations;
  int64_t weight_bytes;
  int64_t read_bytes;
  int64_t written_bytes;
};

void ExpectWork(const StepWork& work, const Expected& expected) {
  EXPECT_EQ(work.kind, expected.kind);
  EXPECT_EQ(work.operations, expected.operations) << expected.kind;
  EXPECT_EQ(work.weight_bytes, expected.weight_bytes) << expected.kind;
  EXPECT_EQ(work.read_bytes, expected.read_bytes) << expected.kind;
  EXPECT_EQ(work.written_bytes, expected.written_bytes) << expected.kind;
}

void ExpectNoBuffers(const StepWork& work) {
  EXPECT_EQ(work.buffer_read_bytes, 0) << work.kind;
  EXPECT_EQ(work.buffer_written_bytes, 0) << work.kind;
  EXPECT_EQ(work.buffer_bytes, 0) << work.kind;
}

const LayerWeights& LayerOfOp(const TestGraph& test, int op) {
  return *LayerOf(test.graph().ops[op]);
}

// In the kernels' blocks.
int64_t BlocksOf(const TestGraph& test, int op) {
  const LayerWeights& layer = LayerOfOp(test, op);
  const int block_size = KernelBlockSize(layer, BestInstructionSet());
  return static_cast<int64_t>(KernelWeightsOf(layer, block_size).lanes.size());
}

TEST(StepWorkTest, OfLayersWindowsAndMeans) {
  TestGraph test({1, 12, 10, 8});
  const int stem = test.Convolve(0, 16, 3, 1, Padding::kSame, false, Activation::kRelu);
  const int depthwise = test.Depthwise(stem, 3, 2, Padding::kSame);
  const int pointwise = test.Convolve(depthwise, 24, 1, 1, Padding::kSame, true);
  test.MarkOutput(test.Dense(test.Mean(pointwise, false), 7, false));
  const std::vector<std::vector<StepWork>> steps = WorkOf(test, PlanRules());
  ASSERT_THAT(steps, SizeIs(5));
  const int64_t dense = BlocksOf(test, 0), sparse = BlocksOf(test, 2);
  ASSERT_LT(sparse * 4, 16 * 24);
  const Expected expected[] = {
      {"convolution", 120 * 72 * 16, 4 * 72 * 16 + 4 * 16 + 4 * (dense + 16), 120 * 8 * 4,
       120 * 16 * 4},
      {"depthwise", 30 * 16 * 9, 4 * 16 * (9 + 1), 120 * 16 * 4, 30 * 16 * 4},
      {"convolution", 30 * sparse * 4, 4 * sparse * 4 + 4 * 24 + 4 * (sparse + 24), 30 * 16 * 4,
       30 * 24 * 4},
      {"mean", 30 * 24, 0, 30 * 24 * 4, 24 * 4},
      {"fully_connected", 24 * 7, 4 * (24 * 7 + 7), 24 * 4, 7 * 4},
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    ASSERT_THAT(steps[i], SizeIs(1));
    ExpectWork(steps[i][0], expected[i]);
    ExpectNoBuffers(steps[i][0]);
  }
}

TEST(StepWorkTest, OfStridesResidualsPoolingAndFunctions) {
  TestGraph test({1, 12, 12, 8});
  const int some = test.Convolve(0, 8, 1, 2, Padding::kSame, false);
  const int other = test.Convolve(some, 8, 1, 1, Padding::kSame, false);
  const int pooled =
      test.MaxPool(test.LayerNorm(test.Sum(some, other), true), 3, 2, Padding::kSame);
  test.MarkOutput(test.Apply(OpType::kSoftmax, {test.Reshape(test.Mean(pooled, true))}));
  const std::vector<std::vector<StepWork>> steps = WorkOf(test, PlanRules());
  ASSERT_THAT(steps, SizeIs(7));
  EXPECT_EQ(steps[0][0].read_bytes, 36 * 8 * 4) << "of 144 pixels";
  EXPECT_EQ(steps[1][0].read_bytes, 2 * 36 * 8 * 4) << "with the residual";
  ExpectWork(steps[2][0], {"normalization", 36 * 8, 0, 36 * 8 * 4, 36 * 8 * 4});
  ExpectWork(steps[3][0], {"pooling", 9 * 8 * 9, 0, 36 * 8 * 4, 9 * 8 * 4});
  ExpectWork(steps[4][0], {"mean", 9 * 8, 0, 9 * 8 * 4, 8 * 4});
  ExpectWork(steps[5][0], {"copy", 0, 0, 8 * 4, 8 * 4});
  ExpectWork(steps[6][0], {"softmax", 8, 0, 8 * 4, 8 * 4});
}

TEST(StepWorkTest, OfWhatIsPutTogetherAndConverted) {
  TestGraph test({1, 12, 12, 8});
  const int a = test.Convolve(0, 8, 3, 1, Padding::kSame, false);
  const int b = test.Convolve(a, 24, 3, 1, Padding::kSame, false);
  test.MarkOutput(test.Apply(OpType::kConcatenation, {a, b}));
  PlanRules rules;
  rules.place_concatenations = false;
  const std::vector<std::vector<StepWork>> steps = WorkOf(test, rules);
  ASSERT_THAT(steps, SizeIs(3));
  ExpectWork(steps[2][0], {"copy", 0, 0, 144 * 32 * 4, 144 * 32 * 4});
  for (const std::vector<StepWork>& work : WorkOf(test, PlanRules(), true)) {
    ASSERT_THAT(work, SizeIs(1));
    EXPECT_THAT(std::vector<int64_t>({144 * 8 * 4, 144 * 24 * 4, 144 * 32 * 4}),
                testing::Contains(work[0].read_bytes));
    ExpectWork(work[0], {"conversion", 0, 0, work[0].read_bytes, work[0].read_bytes});
  }
}

TEST(StepWorkTest, OfStripsPassesThroughRowBuffers) {
  TestGraph test({1, 48, 40, 8});
  int x = test.Convolve(0, 16, 1, 1, Padding::kSame, true, Activation::kRelu6);
  x = test.Depthwise(x, 3, 1, Padding::kSame);
  test.MarkOutput(test.Convolve(x, 12, 1, 1, Padding::kSame, true));
  PlanRules rules;
  rules.fuse_depthwise = false;
  rules.row_buffer_elements = 1;
  const std::vector<std::vector<StepWork>> steps = WorkOf(test, rules);
  ASSERT_THAT(steps, SizeIs(2));
  ASSERT_THAT(steps[0], SizeIs(2));
  const StepWork& expand = steps[0][0];
  const StepWork& depthwise = steps[0][1];
  EXPECT_EQ(expand.read_bytes, 1920 * 8 * 4);
  EXPECT_EQ(expand.written_bytes, 0);
  EXPECT_EQ(expand.buffer_written_bytes, 1920 * 16 * 4);
  EXPECT_EQ(depthwise.read_bytes, 0);
  EXPECT_EQ(depthwise.buffer_read_bytes, 1920 * 16 * 4);
  EXPECT_EQ(depthwise.written_bytes, 1920 * 16 * 4);
  EXPECT_EQ(expand.buffer_bytes, depthwise.buffer_bytes);
  EXPECT_GE(expand.buffer_bytes, 3 * 40 * 16 * 4) << "less than a window needs";
  EXPECT_LT(expand.buffer_bytes, 1920 * 16 * 4) << "as large as the tensor";
}

TEST(StepWorkTest, OfAnAbsorbedDepthwisePassesThroughScratchMemory) {
  TestGraph test({1, 48, 40, 8});
  const int x = test.Convolve(0, 16, 1, 1, Padding::kSame, true, Activation::kRelu6);
  const int y = test.Depthwise(x, 3, 1, Padding::kSame);
  test.MarkOutput(test.Convolve(y, 12, 1, 1, Padding::kSame, true));
  PlanRules rules;
  rules.fuse_elements = 1;
  rules.use_strips = false;
  const std::vector<std::vector<StepWork>> steps = WorkOf(test, rules);
  ASSERT_THAT(steps, SizeIs(2));
  ASSERT_THAT(steps[1], SizeIs(2));
  const StepWork& depthwise = steps[1][0];
  const StepWork& pointwise = steps[1][1];
  ExpectWork(depthwise, {"depthwise", 1920 * 16 * 9, 4 * 16 * 10, 1920 * 16 * 4, 0});
  EXPECT_EQ(depthwise.buffer_written_bytes, 1920 * 16 * 4);
  EXPECT_EQ(pointwise.kind, std::string("convolution"));
  EXPECT_EQ(pointwise.operations, 1920 * 4 * BlocksOf(test, 2));
  EXPECT_EQ(pointwise.read_bytes, 0);
  EXPECT_EQ(pointwise.buffer_read_bytes, 1920 * 16 * 4);
  EXPECT_EQ(pointwise.written_bytes, 1920 * 12 * 4);
  EXPECT_EQ(pointwise.buffer_bytes, depthwise.buffer_bytes);
  EXPECT_GE(pointwise.buffer_bytes, BestInstructionSet().vector_width * 16 * 4);
  EXPECT_LT(pointwise.buffer_bytes, 1920 * 16 * 4) << "as large as the tensor";
}

}  // namespace
}  // namespace ubp
