// SPDX-License-Identifier: Apache-2.0
// Whole plans, from a graph to its results, against plain NHWC arithmetic in double precision.

#include "delegate/cpu/plan/plan.h"

#include <memory>
#include <string>
#include <vector>

#include "delegate/graph/dims.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

class PlanTest : public testing::TestWithParam<Dims> {};

INSTANTIATE_TEST_SUITE_P(Inputs, PlanTest,
                         testing::Values(Dims{1, 16, 16, 3}, Dims{2, 15, 13, 3}, Dims{1, 33, 20, 3},
                                         Dims{3, 8, 9, 3}));

TEST_P(PlanTest, MobileNetStyle) {
  TestGraph test(GetParam());
  int x = test.Convolve(0, 16, 3, 2, Padding::kSame, false, Activation::kRelu6);
  x = test.Depthwise(x, 3, 1, Padding::kSame);
  x = test.Convolve(x, 24, 1, 1, Padding::kSame, true, Activation::kRelu6);
  x = test.Pad(x, {0, 1, 0, 1});
  x = test.Depthwise(x, 3, 2, Padding::kValid);
  x = test.Convolve(x, 40, 1, 1, Padding::kSame, true, Activation::kRelu);
  x = test.Depthwise(x, 5, 1, Padding::kSame);
  x = test.Convolve(x, 20, 1, 1, Padding::kSame, true);
  x = test.Mean(x, true);
  x = test.Convolve(x, 10, 1, 1, Padding::kSame, false);
  test.MarkOutput(test.Reshape(x));
  ExpectRuns(&test);
}

TEST_P(PlanTest, InvertedResiduals) {
  TestGraph test(GetParam());
  int x = test.Convolve(0, 12, 3, 2, Padding::kSame, false);
  for (int block = 0; block < 3; ++block) {
    int y = test.Convolve(x, 32, 1, 1, Padding::kSame, true, Activation::kRelu6);
    y = test.Depthwise(y, 3, block == 2 ? 2 : 1, Padding::kSame);
    y = test.Convolve(y, 12, 1, 1, Padding::kSame, true);
    x = block == 2 ? y : test.Sum(x, y);
  }
  test.MarkOutput(x);
  ExpectRuns(&test);
}

TEST_P(PlanTest, ResidualBottlenecks) {
  TestGraph test(GetParam());
  int x = test.Pad(0, {3, 3, 3, 3});
  x = test.Convolve(x, 16, 7, 2, Padding::kValid, false, Activation::kRelu);
  x = test.Pad(x, {1, 1, 1, 1});
  x = test.MaxPool(x, 3, 2, Padding::kValid);
  for (int block = 0; block < 2; ++block) {
    const int stride = 1 + block;
    int y = test.Convolve(x, 8, 1, stride, Padding::kValid, true, Activation::kRelu);
    y = test.Convolve(y, 8, 3, 1, Padding::kSame, true, Activation::kRelu);
    y = test.Convolve(y, 32, 1, 1, Padding::kValid, true);
    const int shortcut = test.Convolve(x, 32, 1, stride, Padding::kValid, true);
    x = test.Sum(shortcut, y, Activation::kRelu);
  }
  x = test.Mean(x, false);
  test.MarkOutput(test.Dense(x, 7, false));
  ExpectRuns(&test);
}

TEST_P(PlanTest, TensorsNeededInBothForms) {
  TestGraph test(GetParam());
  const int a = test.Convolve(0, 8, 3, 1, Padding::kSame, true, Activation::kRelu);
  const int b = test.Depthwise(a, 3, 1, Padding::kSame);
  const int c = test.Sum(b, a);
  const int d = test.Depthwise(0, 3, 1, Padding::kSame);  // planes of the input
  const int e = test.MaxPool(c, 2, 2, Padding::kSame);
  test.MarkOutput(a);
  test.MarkOutput(c);
  test.MarkOutput(d);
  test.MarkOutput(test.Sum(c, c, Activation::kReluN1To1));
  test.MarkOutput(test.Convolve(e, 9, 5, 1, Padding::kSame, true));
  ExpectRuns(&test);
}

TEST_P(PlanTest, StridesAndPaddingsOfEveryKind) {
  TestGraph test(GetParam());
  int x = test.Convolve(0, 8, 2, 1, Padding::kSame, true);
  x = test.Convolve(x, 8, 3, 1, Padding::kValid, true, Activation::kRelu);
  x = test.Depthwise(x, 5, 2, Padding::kSame);
  x = test.Convolve(x, 12, 1, 2, Padding::kSame, true);
  x = test.Convolve(x, 8, 7, 1, Padding::kSame, true);
  test.MarkOutput(test.Depthwise(x, 3, 1, Padding::kSame));
  ExpectRuns(&test);
}

TEST(PlanReferenceTest, RunsSparseLayersAsImages) {
  TestGraph test({2, 6, 5, 8});
  int x = test.Convolve(0, 24, 3, 1, Padding::kSame, true);
  x = test.Convolve(x, 12, 1, 1, Padding::kSame, true, Activation::kRelu);
  // What transposed convolutions end with.
  x = test.Convolve(test.DepthToSpace(x, 2), 8, 3, 1, Padding::kSame, true);
  test.MarkOutput(test.DepthToSpace(x, 2));
  const std::vector<float> input = test.RandomInput();
  const std::vector<Values> expected = test.Expected(input);
  const std::vector<float> output = test.Run(PlanOptions(), input)[0];
  for (size_t i = 0; i < output.size(); ++i) ASSERT_NEAR(output[i], expected[0][i], 1e-3);
}

TEST(PlanTest, AResizePacksNothing) {
  TestGraph test({1, 20, 18, 8});
  int x = test.Convolve(0, 16, 3, 2, Padding::kSame, false, Activation::kRelu);
  x = test.Depthwise(x, 3, 1, Padding::kSame);
  x = test.Convolve(x, 24, 1, 1, Padding::kSame, true);
  x = test.Depthwise(x, 5, 2, Padding::kSame);
  test.MarkOutput(test.Dense(test.Mean(x, false), 10, true));
  PackedWeights weights;
  const auto plan_for = [&](int batch, int height) {
    std::vector<Dims> dims = test.InputDims();
    dims[0] = {batch, height, 18, 8};
    PlanOptions options;
    options.isa = &BestInstructionSet();
    std::unique_ptr<Plan> plan;
    const Status status = Plan::Make(test.graph(), options, &weights, &dims, &plan);
    EXPECT_TRUE(status.ok()) << status.message();
    return plan;
  };
  const std::unique_ptr<Plan> first = plan_for(1, 20);
  EXPECT_EQ(weights.packings(), 5);
  const size_t bytes = weights.bytes();
  for (const auto& [batch, height] : {std::pair(2, 20), {1, 20}, {3, 33}, {9, 1}}) {
    plan_for(batch, height);
    EXPECT_EQ(weights.packings(), 5) << batch << " images of height " << height;
  }
  EXPECT_EQ(weights.bytes(), bytes);
}

TEST(PlanErrorTest, NamesTheLayerThatDoesNotFit) {
  const TestLayer layer = MakeTestLayer(Pointwise(8, 24, 4), 0.3, true, 1);
  Graph graph;
  graph.tensors = {{Storage::kInput, 0}, {Storage::kOutput, 1}};
  GraphOp op;
  op.label = "UbpConv2D 'expand'";
  op.inputs = {0};
  op.output = 1;
  op.details = Conv2DOp{{}, layer.Packed()};
  graph.ops.push_back(op);
  std::vector<Dims> dims = {{1, 4, 4, 9}, {}};
  std::unique_ptr<Plan> plan;
  PackedWeights weights;
  const Status status = Plan::Make(graph, PlanOptions(), &weights, &dims, &plan);
  EXPECT_THAT(status.message(), HasSubstr("UbpConv2D 'expand'"));
}

TEST(ShapesTest, InfersAndChecks) {
  ConvShape shape;
  Dims output;
  GraphOp conv;
  LayerWeights weights;
  weights.attributes = Pointwise(8, 16, 4);
  conv.details = Conv2DOp{{}, weights};
  const auto infer = [&](const GraphOp& op, const Dims& input) {
    return InferShape(op, {input}, Pads(), &shape, &output);
  };
  ASSERT_TRUE(infer(conv, {2, 5, 6, 8}).ok());
  EXPECT_EQ(output, (Dims{2, 5, 6, 16}));
  EXPECT_THAT(infer(conv, {2, 5, 6, 7}).message(), HasSubstr("[2, 5, 6, 7]"));
  EXPECT_FALSE(infer(conv, {5, 6, 8}).ok());
  ASSERT_TRUE(infer(conv, {0, 5, 6, 8}).ok());
  EXPECT_EQ(output, (Dims{0, 5, 6, 16}));
  EXPECT_FALSE(infer(conv, {1, 0, 6, 8}).ok());
  EXPECT_FALSE(infer(conv, {1, -1, 6, 8}).ok());
  EXPECT_FALSE(infer(conv, {1 << 16, 1 << 12, 1, 8}).ok());

  GraphOp dense;
  weights.attributes.kind = OpKind::kFullyConnected;
  dense.details = FullyConnectedOp{{}, weights};
  ASSERT_TRUE(infer(dense, {3, 4, 8}).ok());
  EXPECT_EQ(output, (Dims{12, 16}));
  ASSERT_TRUE(infer(dense, {3, 16}).ok());
  EXPECT_EQ(output, (Dims{6, 16}));
  ASSERT_TRUE(infer(dense, {3, 3}).ok());
  EXPECT_EQ(output, (Dims{1, 16}));  // one whole row, as in TensorFlow Lite
  ASSERT_TRUE(infer(dense, {0, 8}).ok());
  EXPECT_EQ(output, (Dims{0, 16}));
  weights.attributes.keep_num_dims = true;
  dense.details = FullyConnectedOp{{}, weights};
  ASSERT_TRUE(infer(dense, {3, 4, 8}).ok());
  EXPECT_EQ(output, (Dims{3, 4, 16}));
  EXPECT_FALSE(infer(dense, {3, 16}).ok());
}

TEST(ShapesTest, ChecksAgainWhatAResizeChanges) {
  ConvShape shape;
  Dims output;
  const auto infer = [&](const GraphOp& op, const std::vector<Dims>& inputs) {
    const Status status = InferShape(op, inputs, Pads(), &shape, &output);
    return status.ok() ? "" : status.message();
  };
  GraphOp concatenation;
  concatenation.details = ConcatenationOp{{}, 1};
  EXPECT_EQ(infer(concatenation, {{2, 3, 4}, {2, 0, 4}, {2, 5, 4}}), "");
  EXPECT_EQ(output, (Dims{2, 8, 4}));
  EXPECT_EQ(infer(concatenation, {{4}, {4}}), "CONCATENATION along axis 1 of 1.");
  EXPECT_THAT(infer(concatenation, {{2, 3, 4}, {2, 3, 5}}), HasSubstr("in dimension 1 only"));
  EXPECT_THAT(infer(concatenation, {{2, 3}, {2, 3, 1}}), HasSubstr("in dimension 1 only"));
  constexpr int kHalf = 1 << 30;
  EXPECT_THAT(infer(concatenation, {{1, kHalf}, {1, kHalf}}), HasSubstr("too large"));

  GraphOp reshape;
  reshape.details = ReshapeOp{{}, {OfInput(1), 4, kRestOfElements}};
  EXPECT_EQ(infer(reshape, {{6, 2, 4}}), "");
  EXPECT_EQ(output, (Dims{2, 4, 6}));
  EXPECT_THAT(infer(reshape, {{7}}), HasSubstr("[7], expected more dimensions"));
  EXPECT_THAT(infer(reshape, {{5, 3}}), HasSubstr("another number of elements"));
  reshape.details = ReshapeOp{{}, {1, 8}};
  EXPECT_THAT(infer(reshape, {{2, 8}}), HasSubstr("to be reshaped to [1, 8]"));
  reshape.details = ReshapeOp{{}, {1 << 20, 1 << 20}};
  EXPECT_THAT(infer(reshape, {{2, 8}}), HasSubstr("too large"));

  GraphOp add;
  add.details = ArithmeticOp();
  EXPECT_EQ(infer(add, {{3, 1, 5}, {4, 1}}), "");
  EXPECT_EQ(output, (Dims{3, 4, 5}));
  EXPECT_THAT(infer(add, {{3, 5}, {4, 5}}), HasSubstr("operands of shapes [3, 5] and [4, 5]"));
  EXPECT_THAT(infer(add, {{}, {4, 5}}), HasSubstr("at least one dimension"));

  GraphOp softmax;
  softmax.details = SoftmaxOp();
  EXPECT_EQ(infer(softmax, {{2, 3, 4}}), "");
  EXPECT_THAT(infer(softmax, {{2, 0}}), HasSubstr("at least one class"));

  GraphOp pad;
  pad.details = PadOp{{}, {1, 1, 1, 1}};
  EXPECT_EQ(infer(pad, {{1, 0, 8, 4}}), "");
  EXPECT_EQ(output, (Dims{1, 2, 10, 4}));
  EXPECT_THAT(infer(pad, {{1, 1 << 29, 1, 2}}), HasSubstr("too large"));
}

}  // namespace
}  // namespace ubp
