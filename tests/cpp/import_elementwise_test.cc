// SPDX-License-Identifier: Apache-2.0
// What is read of operators without weights, but for those with a window.

#include <utility>
#include <vector>

#include "delegate/tflite/model/builtin_params.h"
#include "gtest/gtest.h"
#include "tests/cpp/fake_model.h"
#include "tests/cpp/fake_nodes.h"

namespace ubp {
namespace {

// The only op of a model of one node, which must be importable.
GraphOp ImportOnly(FakeModel* model) {
  Graph graph;
  const Status status = model->Import({kInput, kSecond}, {kOutput}, &graph);
  EXPECT_TRUE(status.ok()) << status.message();
  return graph.ops.size() == 1 ? graph.ops[0] : GraphOp();
}

TEST(ImportElementwiseTest, ArithmeticWithAConstant) {
  for (const bool first : {false, true}) {
    FakeModel model = ScaleModel();
    if (first) model.SetInputs({kSecond, kInput});
    const GraphOp op = ImportOnly(&model);
    EXPECT_EQ(op.type(), OpType::kMul);
    EXPECT_EQ(op.inputs.size(), 1u);
    EXPECT_EQ(op.activation, Activation::kRelu);
    EXPECT_EQ(ConstantOf(op).values, model.tensor(kSecond).data.f);
    EXPECT_EQ(ConstantOf(op).count, 4);
    EXPECT_EQ(ConstantOf(op).first, first);
  }
}

TEST(ImportElementwiseTest, OpsWithoutWeightsOrWindow) {
  FakeModel sub = SubModel();
  EXPECT_EQ(ImportOnly(&sub).inputs, (std::vector<int>{0, 1}));
  FakeModel concatenation = ConcatenationModel();
  concatenation.SetInputs({kInput, kSecond, kInput});
  EXPECT_EQ(ImportOnly(&concatenation).inputs, (std::vector<int>{0, 1, 0}));

  FakeModel softmax = SoftmaxModel();
  EXPECT_EQ(ImportOnly(&softmax).As<SoftmaxOp>().beta, 1.5f);

  FakeModel relu = ReluModel(), relu_n1_to_1 = ReluN1To1Model(), relu6 = Relu6Model();
  EXPECT_EQ(ImportOnly(&relu).activation, Activation::kRelu);
  EXPECT_EQ(ImportOnly(&relu_n1_to_1).activation, Activation::kReluN1To1);
  EXPECT_EQ(ImportOnly(&relu6).activation, Activation::kRelu6);
}

TEST(ImportElementwiseTest, Functions) {
  const std::pair<FakeModel (*)(), Elementwise> functions[] = {
      {&LeakyReluModel, Elementwise::kLeakyRelu},
      {&PReluModel, Elementwise::kLeakyRelu},
      {&EluModel, Elementwise::kElu},
      {&GeluModel, Elementwise::kGelu},
      {&HardSwishModel, Elementwise::kHardSwish},
      {&LogisticModel, Elementwise::kLogistic},
      {&TanhModel, Elementwise::kTanh},
      {&ExpModel, Elementwise::kExp},
      {&LogModel, Elementwise::kLog},
  };
  for (const auto& [make, function] : functions) {
    FakeModel model = make();
    const GraphOp op = ImportOnly(&model);
    EXPECT_EQ(op.type(), OpType::kFunction);
    EXPECT_EQ(op.As<FunctionOp>().function.function, function);
  }
  FakeModel leaky_relu = LeakyReluModel();
  EXPECT_EQ(ImportOnly(&leaky_relu).As<FunctionOp>().function.s, 0.25f);
  FakeModel gelu = GeluModel();
  gelu.params<builtin::GeluParams>().approximate = 1;
  EXPECT_EQ(ImportOnly(&gelu).As<FunctionOp>().function.function, Elementwise::kGeluTanh);
  FakeModel prelu = PReluModel();
  const GraphOp op = ImportOnly(&prelu);
  EXPECT_EQ(op.inputs.size(), 1u);
  EXPECT_EQ(ConstantOf(op).values, prelu.tensor(kSecond).data.f);
  EXPECT_EQ(ConstantOf(op).count, 4);
}

}  // namespace
}  // namespace ubp
