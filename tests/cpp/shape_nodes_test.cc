// SPDX-License-Identifier: Apache-2.0
// Nodes that compute the shape of a RESHAPE or TRANSPOSE_CONV: taken with it if nobody else needs them.

#include "delegate/tflite/model/shape_nodes.h"

#include <functional>
#include <string>
#include <vector>

#include "delegate/tflite/model/builtin_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/fake_model.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct NoParams {};

constexpr builtin::StridedSliceParams kOneSize{0, 0, 0, 0, 1};

// [batch, 4] to [batch, 1, 1, 4]; the batch, first of the dimensions, is computed.
struct Reshape {
  enum Node { kShapeNode, kSlice, kPack, kReshape };

  FakeModel model;
  int input = model.Activation({1, 4});
  int shape = Computed({2});
  int batch = Computed({});
  int packed = Computed({4});
  int output = model.Activation({1, 1, 1, 4}, "reshaped");

  Reshape() {
    Add(kTfLiteBuiltinShape, {input}, shape);
    model.Node(kTfLiteBuiltinStridedSlice,
               {shape, model.Ints({0}), model.Ints({1}), model.Ints({1})}, {batch}, kOneSize);
    const int one = model.Ints({1});
    Add(kTfLiteBuiltinPack, {batch, one, one, model.Ints({4})}, packed);
    Add(kTfLiteBuiltinReshape, {input, packed}, output);
  }

  void Add(int code, const std::vector<int>& inputs, int result) {
    model.Node(code, inputs, {result}, NoParams());
  }
  void AddForeign(int read) { model.CustomNode("Foreign", {}, {read}, {model.Activation({1})}); }

  int Computed(const Dims& dims) {
    const int tensor = model.Activation(dims);
    model.tensor(tensor).type = kTfLiteInt32;
    return tensor;
  }
};

std::vector<bool> Taken(FakeModel* model, Take take) {
  std::vector<bool> taken;
  for (const NodeDecision& decision : model->Decide(take)) {
    taken.push_back(decision.taken);
    EXPECT_EQ(decision.taken, decision.reason.empty()) << decision.reason;
  }
  return taken;
}

TEST(ShapeNodesTest, TakenWithTheirReshape) {
  Reshape reshape;
  EXPECT_THAT(Taken(&reshape.model, Take::kAll), ElementsAre(true, true, true, true));
}

TEST(ShapeNodesTest, LeftWithTheirReshape) {
  Reshape reshape;
  EXPECT_THAT(Taken(&reshape.model, Take::kAuto), ElementsAre(false, false, false, false));
  EXPECT_EQ(reshape.model.Decide(Take::kAuto)[0].reason, "SHAPE is left to the interpreter.");
}

TEST(ShapeNodesTest, LeftIfAnybodyElseReadsThem) {
  for (int Reshape::*tensor : {&Reshape::shape, &Reshape::batch, &Reshape::packed}) {
    Reshape reshape;
    reshape.AddForeign(reshape.*tensor);
    EXPECT_THAT(Taken(&reshape.model, Take::kAll), ElementsAre(false, false, false, true, false));
  }
}

// The shape might be anything when the model runs, so that its RESHAPE is left too.
TEST(ShapeNodesTest, LeftIfTheyDependOnAnythingElse) {
  const std::vector<std::function<void(Reshape*)>> changes = {
      [](Reshape* r) {
        r->model.SetInputs({r->model.Activation({1, 4})}, Reshape::kShapeNode);
      },
      [](Reshape* r) { r->model.SetInputs({}, Reshape::kShapeNode); },
      [](Reshape* r) {
        r->model.SetInputs({r->shape, r->Computed({1}), r->batch, r->batch}, Reshape::kSlice);
      },
      [](Reshape* r) {
        r->model.SetInputs({r->shape, 99, -1}, Reshape::kSlice);
      },
      [](Reshape* r) {
        r->model.SetInputs({r->batch, r->Computed({})}, Reshape::kPack);
      },
      [](Reshape* r) {
        r->model.SetInputs({r->shape, r->shape}, Reshape::kPack);
      },
      [](Reshape* r) {
        r->model.SetOutputs({r->packed, r->Computed({4})}, Reshape::kPack);
      },
      [](Reshape* r) {  // the last size but one
        r->model.SetInputs({r->shape, r->model.Ints({-1}), r->model.Ints({0})}, Reshape::kSlice);
      },
      [](Reshape* r) {  // several sizes
        r->model.params<builtin::StridedSliceParams>(Reshape::kSlice).shrink_axis_mask = 0;
      },
      [](Reshape* r) {
        r->model.params<builtin::StridedSliceParams>(Reshape::kSlice).begin_mask = 1;
      },
      [](Reshape* r) {
        const int rest = r->model.Ints({-1});
        r->model.SetInputs({r->batch, rest, rest, r->model.Ints({4})}, Reshape::kPack);
      },
      [](Reshape* r) {  // given when the model runs
        r->model.SetInputs({r->input, r->Computed({4})}, Reshape::kReshape);
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    Reshape reshape;
    changes[i](&reshape);
    EXPECT_THAT(Taken(&reshape.model, Take::kAll), ElementsAre(false, false, false, false));
    EXPECT_EQ(reshape.model.Decide(Take::kAll)[3].reason,
              "the shape is no constant, nor made of sizes of the input.");
  }
}

TEST(ShapeNodesTest, ReshapeToAConstantShapeHasNone) {
  Reshape reshape;
  reshape.model.SetInputs({reshape.input, reshape.model.Ints({-1, 1, 1, 4})}, Reshape::kReshape);
  EXPECT_THAT(Taken(&reshape.model, Take::kAll), ElementsAre(false, false, false, true));
}

// A transposed convolution of [batch, 3, 4, 2] to [batch, 6, 8, 4], whose shape is computed.
struct TransposeConv {
  enum Node { kShapeNode, kSlice, kPack, kTransposeConv };

  FakeModel model;
  int input = model.Activation({1, 3, 4, 2});
  int output = model.Activation({1, 6, 8, 4}, "upsampled");
  int weights = model.Filled({4, 2, 2, 2});
  int shape = model.Activation({4});
  int batch = model.Activation({});
  int packed = model.Activation({4});

  explicit TransposeConv(int axis_of_height = -1) {
    for (const int t : {shape, batch, packed}) model.tensor(t).type = kTfLiteInt32;
    model.Node(kTfLiteBuiltinShape, {input}, {shape}, NoParams());
    model.Node(kTfLiteBuiltinStridedSlice,
               {shape, model.Ints({0}), model.Ints({1}), model.Ints({1})}, {batch}, kOneSize);
    const int height = axis_of_height < 0 ? model.Ints({6}) : batch;
    model.Node(kTfLiteBuiltinPack, {batch, height, model.Ints({8}), model.Ints({4})}, {packed},
               NoParams());
    using P = builtin::TransposeConvParams;
    model.Node(kTfLiteBuiltinTransposeConv, {packed, weights, input}, {output},
               P{builtin::Padding::kSame, 2, 2, builtin::Activation::kNone});
  }
};

TEST(ShapeNodesTest, TakenWithTheirTransposeConv) {
  TransposeConv transposed;
  EXPECT_THAT(Taken(&transposed.model, Take::kAll), ElementsAre(true, true, true, true));
  Graph graph;
  const Status status = transposed.model.Import({transposed.input}, {transposed.output}, &graph);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(graph.ops.size(), 2u);  // pointwise: it needs no pads
  EXPECT_THAT(graph.ops[1].As<DepthToSpaceOp>().output, ElementsAre(OfInput(0), 6, 8, 4));
}

TEST(ShapeNodesTest, OfATransposeConvOnlyTheBatchIsTheInputs) {
  TransposeConv transposed(1);
  EXPECT_THAT(Taken(&transposed.model, Take::kAll), ElementsAre(false, false, false, false));
}

// They may run in an earlier part than what waits for a DEQUANTIZE as well.
TEST(ShapeNodesTest, LeftWhereATransposeConvsWeightsAreDecoded) {
  TransposeConv transposed;
  FakeModel& model = transposed.model;
  const int halves = model.Filled({4, 2, 2, 2});
  model.tensor(halves).type = kTfLiteFloat16;
  model.tensor(halves).bytes /= 2;
  const int widened = model.Activation({4, 2, 2, 2});
  model.Node(kTfLiteBuiltinDequantize, {halves}, {widened}, NoParams());
  model.SetInputs({transposed.packed, widened, transposed.input}, TransposeConv::kTransposeConv);
  EXPECT_THAT(Taken(&model, Take::kAll), ElementsAre(false, false, false, true, false));
}

TEST(ShapeNodesTest, AreNotInTheGraph) {
  Reshape reshape;
  Graph graph;
  const Status status = reshape.model.Import({reshape.input}, {reshape.output}, &graph);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(graph.ops.size(), 1u);
  EXPECT_EQ(graph.ops[0].type(), OpType::kReshape);
  EXPECT_THAT(graph.ops[0].As<ReshapeOp>().dims, ElementsAre(OfInput(0), 1, 1, 4));
  EXPECT_EQ(graph.tensors.size(), 2u);
}

TEST(ShapeNodesTest, CannotBeOutputsOfTheModel) {
  Reshape reshape;
  Graph graph;
  const Status status =
      reshape.model.Import({reshape.input}, {reshape.output, reshape.packed}, &graph);
  EXPECT_THAT(status.message(), HasSubstr("tensor " + std::to_string(reshape.packed)));
  EXPECT_THAT(status.message(), HasSubstr("take=sparse"));
}

}  // namespace
}  // namespace ubp
