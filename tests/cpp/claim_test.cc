// SPDX-License-Identifier: Apache-2.0
// Which operators are taken; what holds for all of them.

#include "delegate/tflite/model/claim.h"

#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/fake_model.h"
#include "tests/cpp/fake_nodes.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

struct Kind {
  const char* name;
  OpType type;
  std::string label;
  FakeModel (*make)();
};

const std::vector<Kind>& AllKinds() {
  static const auto* const kKinds = new std::vector<Kind>{
      {"Conv2D", OpType::kConv2D, "CONV_2D 'stem'", &ConvModel},
      {"DepthwiseConv2D", OpType::kDepthwiseConv2D, "DEPTHWISE_CONV_2D 'depthwise'",
       &DepthwiseModel},
      {"FullyConnected", OpType::kFullyConnected, "FULLY_CONNECTED 'classifier'", &DenseModel},
      {"Add", OpType::kAdd, "ADD 'residual'", &AddModel},
      {"Sub", OpType::kSub, "SUB 'difference'", &SubModel},
      {"Mul", OpType::kMul, "MUL 'excite'", &MulModel},
      {"Scale", OpType::kMul, "MUL 'scale'", &ScaleModel},
      {"Relu", OpType::kClamp, "RELU 'activation'", &ReluModel},
      {"ReluN1To1", OpType::kClamp, "RELU_N1_TO_1 'activation'", &ReluN1To1Model},
      {"Relu6", OpType::kClamp, "RELU6 'activation'", &Relu6Model},
      {"LeakyRelu", OpType::kFunction, "LEAKY_RELU 'activation'", &LeakyReluModel},
      {"PRelu", OpType::kFunction, "PRELU 'activation'", &PReluModel},
      {"Elu", OpType::kFunction, "ELU 'activation'", &EluModel},
      {"Gelu", OpType::kFunction, "GELU 'activation'", &GeluModel},
      {"HardSwish", OpType::kFunction, "HARD_SWISH 'activation'", &HardSwishModel},
      {"Logistic", OpType::kFunction, "LOGISTIC 'activation'", &LogisticModel},
      {"Tanh", OpType::kFunction, "TANH 'activation'", &TanhModel},
      {"Exp", OpType::kFunction, "EXP 'activation'", &ExpModel},
      {"Log", OpType::kFunction, "LOG 'activation'", &LogModel},
      {"Concatenation", OpType::kConcatenation, "CONCATENATION 'concatenation'",
       &ConcatenationModel},
      {"Softmax", OpType::kSoftmax, "SOFTMAX 'probabilities'", &SoftmaxModel},
      {"MaxPool2D", OpType::kMaxPool2D, "MAX_POOL_2D 'pool'", &PoolModel},
      {"AveragePool2D", OpType::kAveragePool2D, "AVERAGE_POOL_2D 'pool'", &AveragePoolModel},
      {"Mean", OpType::kMean, "MEAN 'mean'", &MeanModel},
      {"Pad", OpType::kPad, "PAD 'pad'", &PadModel},
      {"PadV2", OpType::kPad, "PADV2 'pad'", &PadV2Model},
      {"TransposeConv", OpType::kTransposeConv2D, "TRANSPOSE_CONV 'upsample'", &TransposeConvModel},
      {"Reshape", OpType::kReshape, "RESHAPE 'flatten'", &ReshapeModel},
      {"Transpose", OpType::kTranspose, "TRANSPOSE 'image'", &TransposeModel},
      {"ResizeNearest", OpType::kResize, "RESIZE_NEAREST_NEIGHBOR 'resize'", &ResizeNearestModel},
      {"ResizeBilinear", OpType::kResize, "RESIZE_BILINEAR 'resize'", &ResizeBilinearModel},
      {"DepthToSpace", OpType::kDepthToSpace, "DEPTH_TO_SPACE 'larger'", &DepthToSpaceModel},
      {"SpaceToDepth", OpType::kSpaceToDepth, "SPACE_TO_DEPTH 'smaller'", &SpaceToDepthModel},
  };
  return *kKinds;
}

class EveryKindTest : public ::testing::TestWithParam<Kind> {
 protected:
  // The reason why the model is not taken after `change`.
  std::string Reason(const std::function<void(FakeModel&)>& change) {
    FakeModel model = GetParam().make();
    change(model);
    const ClaimResult claim = model.ClaimNode();
    EXPECT_FALSE(claim.type().has_value());
    EXPECT_FALSE(claim.sparse());
    return claim.reason;
  }
};

TEST_P(EveryKindTest, IsTaken) {
  FakeModel model = GetParam().make();
  const ClaimResult claim = model.ClaimNode();
  EXPECT_EQ(claim.type(), GetParam().type) << claim.reason;
  EXPECT_FALSE(claim.sparse());
  EXPECT_EQ(claim.label(), GetParam().label);
  EXPECT_EQ(claim.reason, "");
}

TEST_P(EveryKindTest, IsTakenWithAnOpenBatch) {
  FakeModel model = GetParam().make();
  for (const int index : {kOutput, kInput, kSecond}) {
    if (index >= model.num_tensors()) continue;
    if (model.tensor(index).allocation_type == kTfLiteMmapRo) continue;
    Dims dims = model.DimsOf(index);
    dims[0] = -1;
    model.SetSignature(index, dims);
  }
  EXPECT_EQ(model.ClaimNode().type(), GetParam().type);
}

TEST_P(EveryKindTest, NeedsActivationsOfItsType) {
  for (const int index : {kInput, kOutput}) {
    EXPECT_THAT(Reason([&](FakeModel& m) { m.tensor(index).type = kTfLiteInt8; }),
                HasSubstr(index == kInput ? "the input is int8" : "the output is int8"));
    EXPECT_THAT(Reason([&](FakeModel& m) { m.tensor(index).type = kTfLiteInt16; }),
                HasSubstr(index == kInput ? "the input is int16, not float32"
                                          : "the output is int16, not float32"));
    EXPECT_THAT(Reason([&](FakeModel& m) { m.tensor(index).allocation_type = kTfLiteDynamic; }),
                HasSubstr("has a dynamic shape"));
    EXPECT_THAT(Reason([&](FakeModel& m) { m.tensor(index).allocation_type = kTfLiteMmapRo; }),
                HasSubstr("is a constant"));
  }
}

TEST_P(EveryKindTest, SurvivesMissingTensors) {
  const int missing[] = {-1, -7, 99, std::numeric_limits<int>::max(),
                         std::numeric_limits<int>::min()};
  for (const int index : missing) {
    EXPECT_THAT(Reason([&](FakeModel& m) {
                  m.SetInputs({index, kSecond});
                }),
                ::testing::AnyOf(HasSubstr("the input is missing"), HasSubstr("number of inputs")));
    EXPECT_THAT(Reason([&](FakeModel& m) { m.SetOutputs({index}); }),
                HasSubstr("the output is missing"));
  }
  EXPECT_THAT(Reason([](FakeModel& m) { m.SetInputs({}); }),
              HasSubstr("the number of inputs is 0"));
  // These have any number, or four.
  if (GetParam().type != OpType::kConcatenation && GetParam().type != OpType::kTransposeConv2D) {
    EXPECT_THAT(Reason([](FakeModel& m) {
                  m.SetInputs({1, 2, 3, 3});
                }),
                HasSubstr("the number of inputs is 4"));
  }
  EXPECT_THAT(Reason([](FakeModel& m) { m.SetOutputs({}); }), HasSubstr("the output is missing"));
  EXPECT_THAT(Reason([](FakeModel& m) {
                m.SetOutputs({kOutput, kOutput});
              }),
              HasSubstr("the output is missing"));
}

TEST_P(EveryKindTest, SurvivesMissingDimensionsAndParameters) {
  const std::set<OpType> of_any_rank = {OpType::kFullyConnected, OpType::kClamp, OpType::kFunction};
  const std::set<OpType> without_parameters = {OpType::kPad, OpType::kReshape, OpType::kClamp,
                                               OpType::kTranspose};
  const std::set<std::string> with_parameters = {"LeakyRelu", "Gelu"};  // of the functions
  EXPECT_NE(Reason([](FakeModel& m) { m.tensor(kInput).dims = nullptr; }), "");
  if (of_any_rank.count(GetParam().type) == 0) {
    EXPECT_NE(Reason([](FakeModel& m) { m.SetDims(kInput, {4, 4, 3}); }), "");
  }
  if (without_parameters.count(GetParam().type) != 0) return;
  if (GetParam().type == OpType::kFunction && with_parameters.count(GetParam().name) == 0) return;
  EXPECT_THAT(Reason([](FakeModel& m) { m.node().builtin_data = nullptr; }),
              HasSubstr("the op has no parameters"));
}

INSTANTIATE_TEST_SUITE_P(Claim, EveryKindTest, ::testing::ValuesIn(AllKinds()),
                         [](const auto& info) { return info.param.name; });

TEST(ClaimTest, LeavesOtherOperators) {
  FakeModel model = PoolModel();
  TfLiteRegistration& registration = model.registration();
  registration.builtin_code = kTfLiteBuiltinSplit;
  EXPECT_EQ(model.ClaimNode().label(), "SPLIT 'pool'");
  EXPECT_EQ(model.ClaimNode().reason, "SPLIT is left to the interpreter.");
  for (int code = 0; code <= kTfLiteBuiltinReduceWindow; ++code) {
    registration.builtin_code = code;
    EXPECT_THAT(model.ClaimNode().op, ::testing::Not(HasSubstr("builtin operator"))) << code;
  }
  registration.builtin_code = kTfLiteBuiltinSelectV2;
  EXPECT_EQ(model.ClaimNode().reason, "SELECT_V2 is left to the interpreter.");
  registration.builtin_code = 12345;
  EXPECT_EQ(model.ClaimNode().reason, "builtin operator 12345 is left to the interpreter.");
  registration.builtin_code = kTfLiteBuiltinCustom;
  EXPECT_EQ(model.ClaimNode().reason, "custom op without a name is left to the interpreter.");
  registration.custom_name = "UbpConv2";
  EXPECT_EQ(model.ClaimNode().reason, "UbpConv2 is left to the interpreter.");
  EXPECT_FALSE(model.ClaimNode().type().has_value());
}

TEST(ClaimTest, TakesSparseOpsByNameAlone) {
  FakeModel model;
  model.Activation({1}, "expand");
  model.CustomNode("UbpConv2D", {}, {}, {0});
  model.CustomNode("UbpFullyConnected", {}, {}, {});
  EXPECT_EQ(model.ClaimNode(0).type(), OpType::kConv2D);
  EXPECT_TRUE(model.ClaimNode(0).sparse());
  EXPECT_EQ(model.ClaimNode(0).label(), "UbpConv2D 'expand'");
  EXPECT_EQ(model.ClaimNode(1).type(), OpType::kFullyConnected);
  EXPECT_TRUE(model.ClaimNode(1).sparse());
  EXPECT_EQ(model.ClaimNode(1).label(), "UbpFullyConnected");
  // A name alone: a builtin operator's custom_name means nothing.
  model.registration(0).builtin_code = kTfLiteBuiltinSoftmax;
  EXPECT_FALSE(model.ClaimNode(0).type().has_value());
}

TEST(ClaimTest, KnowsOpsOfLayers) {
  FakeModel model = PoolModel();
  EXPECT_FALSE(model.ClaimNode().layer_op);
  for (const auto code : {kTfLiteBuiltinConv2d, kTfLiteBuiltinFullyConnected}) {
    model.registration().builtin_code = code;
    EXPECT_TRUE(model.ClaimNode().layer_op);  // though it lacks all that a layer needs
    EXPECT_FALSE(model.ClaimNode().type().has_value());
  }
  model.registration().builtin_code = kTfLiteBuiltinWhile;
  EXPECT_FALSE(model.ClaimNode().layer_op);
  EXPECT_EQ(model.ClaimNode().reason, "WHILE is left to the interpreter.");
  FakeModel packed;
  packed.CustomNode("UbpConv2D", {}, {}, {});
  EXPECT_TRUE(packed.ClaimNode().layer_op);
}

}  // namespace
}  // namespace ubp
