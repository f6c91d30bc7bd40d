// SPDX-License-Identifier: Apache-2.0
// What the planner makes of graphs: absorbed ops, dead pixels, strips.

#include "delegate/cpu/plan/layout.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"

namespace ubp {
namespace {

TEST(LayoutTest, AbsorbsPadsAndResiduals) {
  TestGraph test({1, 12, 12, 8});
  const int a = test.Convolve(0, 8, 1, 1, Padding::kSame, true);
  const int padded = test.Pad(a, {1, 1, 1, 1});
  const int b = test.Convolve(padded, 8, 3, 1, Padding::kValid, true);
  test.MarkOutput(test.Sum(a, b, Activation::kRelu));
  GraphLayout layout;
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), LayoutOptions(), &layout).ok());
  ASSERT_EQ(layout.ops.size(), 2u);
  EXPECT_EQ(layout.ops[1].input, a);
  EXPECT_EQ(layout.ops[1].second, a);
  EXPECT_EQ(layout.ops[1].activation, Activation::kRelu);
  EXPECT_EQ(layout.ops[1].shape.pad_top, 1);
  EXPECT_FALSE(layout.tensors[padded].planes);
}

TEST(LayoutTest, AbsorbsDepthwiseOnlyForItsOneReader) {
  TestGraph test({1, 96, 71, 8});
  int x = test.Convolve(0, 40, 1, 1, Padding::kSame, true);
  x = test.Convolve(test.Depthwise(x, 3, 1, Padding::kSame), 40, 1, 1, Padding::kSame, true);
  x = test.Convolve(test.Depthwise(x, 5, 1, Padding::kSame), 40, 1, 1, Padding::kSame, true);
  const int shared = test.Depthwise(x, 3, 1, Padding::kSame);
  const int a = test.Convolve(shared, 8, 1, 1, Padding::kSame, true);
  const int b = test.Convolve(shared, 8, 1, 1, Padding::kSame, true, Activation::kRelu);
  const int strided = test.Depthwise(test.Sum(a, b), 3, 2, Padding::kSame);
  test.MarkOutput(test.Convolve(strided, 8, 1, 1, Padding::kSame, true));
  GraphLayout layout;
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), LayoutOptions(), &layout).ok());
  int absorbed = 0;
  for (const PlannedOp& op : layout.ops) absorbed += op.depthwise.has_value();
  EXPECT_EQ(absorbed, 2);
  ExpectRuns(&test);
}

TEST(LayoutTest, KeepsWhatOthersNeed) {
  TestGraph test({1, 12, 12, 8});
  const int a = test.Convolve(0, 8, 1, 1, Padding::kSame, true);
  const int padded = test.Pad(a, {1, 1, 1, 1});
  const int pooled = test.MaxPool(padded, 3, 2, Padding::kSame);  // would ignore absorbed pads
  const int b = test.Convolve(a, 8, 1, 2, Padding::kSame, true, Activation::kRelu);
  test.MarkOutput(pooled);
  test.MarkOutput(b);
  test.MarkOutput(test.Sum(a, a));  // b has an activation of its own
  GraphLayout layout;
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), LayoutOptions(), &layout).ok());
  EXPECT_EQ(layout.ops.size(), 5u);
  ExpectRuns(&test);
}

// Strips wherever they are possible, in images of any size.
PlanRules StripsEverywhere(int64_t most_row_buffer_floats) {
  PlanRules rules;
  rules.row_buffer_elements = 1;
  rules.least_strip_pixels = 1;
  rules.most_row_buffer_floats = most_row_buffer_floats;
  rules.fuse_elements = 1;
  return rules;
}

size_t OpsInStrips(const GraphLayout& layout) {
  size_t ops = 0;
  for (const StripGroup& group : layout.strips) ops += group.end_op - group.first_op;
  return ops;
}

class StripsTest : public testing::TestWithParam<Dims> {
 protected:
  // With windows of every size that makes a difference; the largest holds the graph in one group.
  void ExpectRunsInStrips(TestGraph* test, size_t ops_in_strips) {
    GraphLayout layout;
    const LayoutOptions options = {true, 1, StripsEverywhere(1 << 20)};
    ASSERT_TRUE(MakeLayout(test->graph(), test->InputDims(), options, &layout).ok());
    EXPECT_EQ(OpsInStrips(layout), ops_in_strips);
    for (const int64_t floats : {4 * 1024, 16 * 1024, 64 * 1024, 1 << 20}) {
      PlanRules rules = StripsEverywhere(floats);
      ExpectRuns(test, rules);
      rules.fuse_depthwise = false;
      ExpectRuns(test, rules);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Inputs, StripsTest,
                         testing::Values(Dims{1, 64, 64, 3}, Dims{2, 71, 66, 3},
                                         Dims{1, 44, 99, 1}));

TEST_P(StripsTest, MobileNetStyle) {
  TestGraph test(GetParam());
  int x = test.Convolve(0, 8, 3, 2, Padding::kSame, false, Activation::kRelu6);
  x = test.Depthwise(x, 3, 1, Padding::kSame);
  x = test.Convolve(x, 12, 1, 1, Padding::kSame, true, Activation::kRelu6);
  x = test.Depthwise(x, 5, 1, Padding::kSame);
  x = test.Convolve(x, 9, 3, 1, Padding::kSame, true, Activation::kRelu);
  x = test.Depthwise(test.Pad(x, {0, 1, 0, 1}), 3, 2, Padding::kValid);
  x = test.Convolve(x, 10, 1, 1, Padding::kSame, true);
  test.MarkOutput(test.Mean(x, false));
  ExpectRunsInStrips(&test, 6);
}

TEST_P(StripsTest, Residuals) {
  TestGraph test(GetParam());
  int x = test.Convolve(0, 8, 3, 1, Padding::kSame, false, Activation::kRelu);
  for (int block = 0; block < 2; ++block) {
    int y = test.Convolve(x, 8, 1, 1, Padding::kSame, true, Activation::kRelu);
    y = test.Convolve(y, 6, 3, 1, Padding::kSame, true, Activation::kRelu6);
    y = test.Convolve(y, 8, 1, 1, Padding::kSame, true);
    x = test.Sum(x, y, Activation::kRelu);
  }
  x = test.MaxPool(test.Pad(x, {1, 1, 1, 1}), 3, 2, Padding::kValid);
  test.MarkOutput(test.Mean(x, false));
  ExpectRunsInStrips(&test, 8);
}

TEST_P(StripsTest, FunctionsAndAverages) {
  TestGraph test(GetParam());
  int x = test.Convolve(0, 8, 3, 2, Padding::kSame, false);
  x = test.Apply(Elementwise::kHardSwish, x);
  x = test.Depthwise(x, 3, 1, Padding::kSame, Activation::kNone);
  x = test.Apply(OpType::kMul, {x, test.Apply(Elementwise::kLogistic, x)});
  x = test.Convolve(x, 12, 1, 1, Padding::kSame, true);
  x = test.AveragePool(test.Apply(Elementwise::kLogistic, x), 3, 1, Padding::kSame);
  x = test.Apply(Elementwise::kTanh, test.AveragePool(x, 2, 2, Padding::kValid));
  x = test.Apply({Elementwise::kLeakyRelu, 0.1f}, test.Convolve(x, 9, 1, 1, Padding::kSame, true));
  test.MarkOutput(test.Mean(x, false));
  ExpectRunsInStrips(&test, 5);
}

// Their rows share padding with the rows behind, also the last row of a strip that is lower than
// the one before.
TEST_P(StripsTest, WideStridedWindows) {
  TestGraph test(GetParam());
  int x = test.Convolve(test.Pad(0, {3, 3, 3, 3}), 8, 7, 2, Padding::kValid, false);
  x = test.Convolve(x, 8, 3, 1, Padding::kSame, true, Activation::kRelu);
  x = test.Convolve(x, 8, 5, 2, Padding::kSame, true, Activation::kRelu);
  x = test.Convolve(x, 8, 1, 1, Padding::kSame, true);
  test.MarkOutput(test.Mean(x, false));
  ExpectRunsInStrips(&test, 4);
}

TEST(StripsRuleTest, LeaveWhatOthersReadAsAWhole) {
  TestGraph test({1, 48, 48, 3});
  const int a = test.Convolve(0, 8, 3, 1, Padding::kSame, true, Activation::kRelu);
  const int b = test.Depthwise(a, 3, 1, Padding::kSame);
  const int c = test.Convolve(b, 8, 1, 1, Padding::kSame, true);
  test.MarkOutput(a);
  test.MarkOutput(test.Mean(c, false));
  GraphLayout layout;
  const LayoutOptions options = {true, 1, StripsEverywhere(1 << 20)};
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), options, &layout).ok());
  EXPECT_TRUE(layout.strips.empty());  // b became part of the convolution behind it
  ExpectRuns(&test, options.rules);
}

TEST(DeadPixelsTest, AreNotComputed) {
  TestGraph test({1, 24, 19, 8});
  const int x = test.Convolve(0, 16, 1, 1, Padding::kSame, true);
  int y = test.Convolve(x, 8, 1, 1, Padding::kSame, true, Activation::kRelu);
  y = test.Convolve(y, 8, 3, 1, Padding::kSame, true, Activation::kRelu);
  y = test.Convolve(y, 16, 1, 1, Padding::kSame, true);
  const int sum = test.Sum(x, y, Activation::kRelu);
  test.MarkOutput(test.Convolve(sum, 8, 1, 2, Padding::kSame, true));
  test.MarkOutput(test.Convolve(sum, 12, 1, 2, Padding::kValid, true));
  GraphLayout layout;
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), LayoutOptions(), &layout).ok());
  std::vector<Dims> written;
  for (const PlannedOp& op : layout.ops) written.push_back(layout.tensors[op.output].dims);
  EXPECT_EQ(written, (std::vector<Dims>{{1, 24, 19, 16},
                                        {1, 24, 19, 8},
                                        {1, 12, 10, 8},
                                        {1, 12, 10, 16},  // of the residual, the pixels needed
                                        {1, 12, 10, 16},
                                        {1, 12, 10, 8},
                                        {1, 12, 10, 12}}));
  ExpectRuns(&test);
}

TEST(DeadPixelsTest, AreComputedForAnyOtherReader) {
  for (const bool residual : {false, true}) {
    TestGraph test({1, 12, 12, 8});
    const int x = test.Convolve(0, 8, 3, 1, Padding::kSame, true);
    test.MarkOutput(test.Convolve(x, 8, 1, 2, Padding::kSame, true));
    test.MarkOutput(residual ? test.Sum(x, x) : test.Convolve(x, 8, 1, 3, Padding::kSame, true));
    GraphLayout layout;
    ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), LayoutOptions(), &layout).ok());
    EXPECT_EQ(layout.tensors[x].dims, (Dims{1, 12, 12, 8}));
    ExpectRuns(&test);
  }
}

}  // namespace
}  // namespace ubp
