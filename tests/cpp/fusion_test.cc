// SPDX-License-Identifier: Apache-2.0
// Which elementwise ops become part of others, and where concatenations and the outputs of
// elementwise ops lie in memory. All graphs also run.

#include <algorithm>
#include <memory>
#include <vector>

#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/plan.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"

namespace ubp {
namespace {

class FusionTest : public testing::Test {
 protected:
  TestGraph test_{{1, 12, 11, 8}};
  GraphLayout layout_;

  int Pointwise(int input) { return test_.Convolve(input, 8, 1, 1, Padding::kSame, true); }
  // Of the ops of the layout.
  int CountOf(Elementwise function) const {
    const auto has = [&](const PlannedOp& op) {
      return op.function && op.function->function == function;
    };
    return static_cast<int>(std::count_if(layout_.ops.begin(), layout_.ops.end(), has));
  }
  void MakeLayoutOf(int output) {
    test_.MarkOutput(output);
    ASSERT_TRUE(MakeLayout(test_.graph(), test_.InputDims(), LayoutOptions(), &layout_).ok());
    ExpectRuns(&test_);
  }
};

TEST_F(FusionTest, ClampsBecomeTheActivationOfTheirWriter) {
  int x = test_.Apply(OpType::kClamp, {Pointwise(0)}, Activation::kRelu6);
  x = test_.Depthwise(x, 3, 1, Padding::kSame, Activation::kNone);
  x = test_.Apply(OpType::kClamp, {x}, Activation::kRelu);
  x = test_.Apply(OpType::kClamp, {test_.Sum(x, Pointwise(x))}, Activation::kReluN1To1);
  MakeLayoutOf(x);
  ASSERT_EQ(layout_.ops.size(), 3u);
  EXPECT_EQ(layout_.ops[0].activation, Activation::kRelu6);
  EXPECT_EQ(layout_.ops[1].activation, Activation::kRelu);
  EXPECT_EQ(layout_.ops[2].activation, Activation::kReluN1To1);
}

TEST_F(FusionTest, ClampsStayBehindAnActivationOrASharedTensor) {
  const int x = test_.Convolve(0, 8, 1, 1, Padding::kSame, true, Activation::kRelu);
  const int a = test_.Apply(OpType::kClamp, {x}, Activation::kRelu6);
  const int shared = Pointwise(a);
  const int b = test_.Apply(OpType::kClamp, {shared}, Activation::kRelu6);
  const int out = Pointwise(0);
  test_.MarkOutput(out);
  const int c = test_.Apply(OpType::kClamp, {out}, Activation::kRelu6);
  MakeLayoutOf(test_.Apply(OpType::kConcatenation, {a, b, shared, c}));
  EXPECT_EQ(layout_.ops.size(), 7u);
}

TEST_F(FusionTest, AbsorbedDepthwiseLayersKeepTheirActivation) {
  TestGraph large({1, 96, 71, 8});
  int x = large.Depthwise(large.Convolve(0, 40, 1, 1, Padding::kSame, true), 3, 1, Padding::kSame,
                          Activation::kNone);
  x = large.Apply(OpType::kClamp, {x}, Activation::kRelu);
  large.MarkOutput(large.Convolve(x, 8, 1, 1, Padding::kSame, true));
  ASSERT_TRUE(MakeLayout(large.graph(), large.InputDims(), LayoutOptions(), &layout_).ok());
  ASSERT_EQ(layout_.ops.size(), 2u);
  EXPECT_TRUE(layout_.ops[1].depthwise.has_value());
  ExpectRuns(&large);
}

TEST_F(FusionTest, ConstantsBecomeOneScale) {
  int x = Pointwise(0);
  x = test_.WithConstant(OpType::kMul, x, 8);
  x = test_.WithConstant(OpType::kAdd, x, 1);
  x = test_.WithConstant(OpType::kSub, x, 8, true, Activation::kRelu);
  x = test_.WithConstant(OpType::kMul, x, 1);  // behind an activation
  MakeLayoutOf(x);
  ASSERT_EQ(layout_.ops.size(), 3u);
  EXPECT_EQ(layout_.ops[1].scale->scale.size(), 8u);
  EXPECT_EQ(layout_.ops[2].scale->scale.size(), 1u);
}

TEST_F(FusionTest, SwishIsOneOp) {
  const int x = Pointwise(0);
  int y =
      test_.Apply(OpType::kMul, {test_.Apply(Elementwise::kLogistic, x), x}, Activation::kRelu6);
  y = test_.Apply(OpType::kMul,
                  {Pointwise(0), test_.Apply(Elementwise::kLogistic, y)});  // another's
  MakeLayoutOf(y);
  EXPECT_EQ(layout_.ops.size(), 5u);
}

TEST_F(FusionTest, SoftplusAndMishAreOneOp) {
  int x = test_.Softplus(Pointwise(0));
  const int y = test_.Sum(x, Pointwise(x));
  x = test_.Apply(OpType::kMul, {test_.Apply(Elementwise::kTanh, test_.Softplus(y)), y});
  MakeLayoutOf(x);
  ASSERT_EQ(layout_.ops.size(), 2u);
  EXPECT_EQ(layout_.ops[0].function->function, Elementwise::kSoftplus);
  EXPECT_EQ(layout_.ops[1].function->function, Elementwise::kMish);
}

TEST_F(FusionTest, LogarithmsOfAnotherSumStay) {
  const int x = Pointwise(0);
  const int sum =
      test_.WithNumber(OpType::kAdd, test_.Apply(Elementwise::kExp, Pointwise(x)), 1.0f);
  test_.MarkOutput(sum);
  const int product =
      test_.WithNumber(OpType::kMul, test_.Apply(Elementwise::kExp, Pointwise(x)), 1.0f);
  const int gate = test_.Apply(Elementwise::kTanh, test_.Softplus(Pointwise(x)));
  int y = test_.Sum(test_.Softplus(x, 2.0f), test_.Apply(Elementwise::kLog, sum));
  y = test_.Sum(y, test_.Apply(Elementwise::kLog, product));
  y = test_.Sum(y, test_.Apply(OpType::kMul, {x, gate}));  // of another tensor
  MakeLayoutOf(y);
  EXPECT_EQ(CountOf(Elementwise::kLog), 3);
  EXPECT_EQ(CountOf(Elementwise::kSoftplus), 1);
  EXPECT_EQ(CountOf(Elementwise::kMish), 0);
}

TEST_F(FusionTest, FunctionsBecomePartOfTheirWriter) {
  int x = test_.Apply(Elementwise::kHardSwish, Pointwise(0));
  x = test_.Apply(Elementwise::kTanh, test_.Depthwise(x, 3, 1, Padding::kSame));
  x = test_.Apply(Elementwise::kLogistic, test_.Sum(x, Pointwise(x)));
  MakeLayoutOf(x);
  ASSERT_EQ(layout_.ops.size(), 3u);
  EXPECT_EQ(layout_.ops[0].function->function, Elementwise::kHardSwish);
  EXPECT_EQ(layout_.ops[1].function->function, Elementwise::kTanh);
  EXPECT_EQ(layout_.ops[2].function->function, Elementwise::kLogistic);
}

TEST_F(FusionTest, FunctionsStayBehindASharedTensorOrAnotherFunction) {
  const int x = Pointwise(0);
  int y = test_.Apply(Elementwise::kHardSwish, x);
  y = test_.Sum(test_.Apply(Elementwise::kTanh, y), x);
  y = test_.Apply(Elementwise::kTanh, test_.Apply(Elementwise::kLogistic, Pointwise(y)));
  y = test_.Apply(Elementwise::kTanh, Pointwise(y), Activation::kRelu);
  MakeLayoutOf(y);
  EXPECT_EQ(layout_.ops.size(), 8u);
}

// Of a chain of that many products of a tensor and a vector.
size_t ArenaBytes(int products) {
  TestGraph test({1, 12, 11, 8});
  int x = test.Convolve(0, 8, 1, 1, Padding::kSame, true);
  const int vector = test.Mean(x, true);
  for (int i = 0; i < products; ++i) x = test.Apply(OpType::kMul, {x, vector});
  test.MarkOutput(test.Convolve(x, 4, 1, 1, Padding::kSame, true));
  std::vector<Dims> dims = test.InputDims();
  std::unique_ptr<Plan> plan;
  PackedWeights weights;
  EXPECT_TRUE(
      Plan::Make(test.graph(), {&BestInstructionSet(), 1, PlanRules()}, &weights, &dims, &plan)
          .ok());
  return plan->arena_bytes();
}

TEST(ElementwiseMemoryTest, OutputsTakeTheirInputsMemory) {
  EXPECT_EQ(ArenaBytes(1), ArenaBytes(0));
  EXPECT_EQ(ArenaBytes(5), ArenaBytes(0));
}

TEST_F(FusionTest, SumsWithAConstantOrAVectorAreNoResiduals) {
  int x = test_.WithConstant(OpType::kAdd, Pointwise(0), 8);
  x = test_.Sum(Pointwise(x), test_.Mean(x, true));
  x = test_.Sum(test_.Mean(x, true), Pointwise(x));
  MakeLayoutOf(x);
  for (const PlannedOp& op : layout_.ops) {
    EXPECT_TRUE(op.op->type() != OpType::kConv2D || op.second < 0);
  }
}

TEST_F(FusionTest, ConcatenationsAreWrittenInPlace) {
  const int x = Pointwise(0);
  const int y = Pointwise(x);
  const int inner = test_.Apply(OpType::kConcatenation, {x, y});
  const int z = Pointwise(inner);
  const int outer = test_.Apply(OpType::kConcatenation, {z, inner, z});
  MakeLayoutOf(Pointwise(outer));
  EXPECT_EQ(layout_.tensors[x].container, inner);
  EXPECT_EQ(layout_.tensors[y].container, inner);
  EXPECT_EQ(layout_.tensors[y].first_plane, 8);
  EXPECT_EQ(layout_.tensors[z].container, outer);
  EXPECT_EQ(layout_.tensors[z].first_plane, 0);
  EXPECT_EQ(layout_.tensors[inner].container, outer);
  EXPECT_EQ(layout_.tensors[inner].first_plane, 8);
  EXPECT_EQ(layout_.tensors[outer].container, -1);
}

TEST_F(FusionTest, PixelsThatOtherOpsReadAreNotDead) {
  const int x = Pointwise(0);
  const int strided = test_.Convolve(x, 4, 1, 2, Padding::kSame, true);
  test_.MarkOutput(strided);
  MakeLayoutOf(test_.Apply(OpType::kConcatenation, {Pointwise(0), x}));
  EXPECT_EQ(layout_.tensors[x].dims, (Dims{1, 12, 11, 8}));
}

TEST_F(FusionTest, MaximaOfWhatIsNeverBelowZeroArePaddedWithZeros) {
  const auto convolve = [&](Activation activation) {
    return test_.Convolve(0, 8, 1, 1, Padding::kSame, true, activation);
  };
  const auto maximum = [&](int x) { return test_.MaxPool(x, 3, 1, Padding::kSame); };
  const int rectified = maximum(convolve(Activation::kRelu6));
  const int joined = test_.Apply(OpType::kConcatenation, {rectified, convolve(Activation::kRelu)});
  const int twice = maximum(joined);
  const int signed_values = maximum(convolve(Activation::kReluN1To1));
  const int of_function =
      maximum(test_.Apply(Elementwise::kHardSwish, convolve(Activation::kRelu)));
  test_.MarkOutput(test_.AveragePool(convolve(Activation::kRelu), 3, 1, Padding::kSame));
  for (const int output : {signed_values, of_function}) test_.MarkOutput(output);
  MakeLayoutOf(twice);
  for (const PlannedOp& op : layout_.ops) {
    if (op.op->If<Pool2DOp>() == nullptr) continue;
    EXPECT_EQ(op.ignores_padding, op.output != rectified && op.output != twice) << op.output;
  }
}

// What is between a TRANSPOSE and the one that takes it back, if it is nothing.
TEST_F(FusionTest, TransposesCancel) {
  const int x = Pointwise(0);
  const int y = test_.Transpose(x, false);
  const int z = test_.Transpose(y, true);
  MakeLayoutOf(test_.Mean(z, false));
  ASSERT_EQ(layout_.ops.size(), 2u);
  EXPECT_EQ(layout_.ops[1].input, x);
  EXPECT_EQ(layout_.ops[1].absorbed.size(), 1u);
}

TEST_F(FusionTest, TransposesThatOthersReadStay) {
  const int x = Pointwise(0);
  const int y = test_.Transpose(x, false);
  test_.MarkOutput(test_.Apply(OpType::kClamp, {y}, Activation::kRelu6));
  const int z = test_.Transpose(y, true);
  test_.MarkOutput(z);
  test_.MarkOutput(test_.Transpose(y, false));  // which takes nothing back
  MakeLayoutOf(test_.Sum(test_.Depthwise(z, 3, 1, Padding::kSame), z));
  EXPECT_EQ(layout_.ops.size(), 7u);
  EXPECT_EQ(layout_.ops.back().second, x);
}

}  // namespace
}  // namespace ubp
