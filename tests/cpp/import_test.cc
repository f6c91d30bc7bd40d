// SPDX-License-Identifier: Apache-2.0
// From the interpreter's nodes to a Graph: what is read of each operator, how
// tensors are numbered, and what is refused.

#include "delegate/tflite/model/import.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "delegate/tflite/model/builtin_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/fake_model.h"
#include "tests/cpp/fake_nodes.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

// The only op of a model of one node, which must be importable.
GraphOp ImportOnly(FakeModel* model) {
  Graph graph;
  const Status status = model->Import({kInput}, {kOutput}, &graph);
  EXPECT_TRUE(status.ok()) << status.message();
  if (graph.ops.size() != 1) return GraphOp();
  EXPECT_EQ(graph.tensors[graph.ops[0].inputs[0]].storage, Storage::kInput);
  EXPECT_EQ(graph.tensors[graph.ops[0].output].storage, Storage::kOutput);
  EXPECT_EQ(AttributesOf(graph.ops[0]).block_size, 1);
  const LayerWeights* const layer = LayerOf(graph.ops[0]);
  EXPECT_TRUE(layer == nullptr || layer->packed.counts().empty());
  return graph.ops[0];
}

TEST(ImportTest, Conv2D) {
  FakeModel model = ConvModel();
  auto& params = model.params<builtin::Conv2DParams>();
  params.stride_w = 3;
  params.dilation_h = 4;
  params.dilation_w = 5;
  const GraphOp op = ImportOnly(&model);
  const LayerAttributes& a = AttributesOf(op);
  EXPECT_EQ(op.label, "CONV_2D 'stem'");
  EXPECT_EQ(op.type(), OpType::kConv2D);
  EXPECT_EQ(a.kind, OpKind::kConv2D);
  EXPECT_EQ(a.in_channels, 3);
  EXPECT_EQ(a.out_channels, 8);
  EXPECT_EQ(a.kernel_h, 3);
  EXPECT_EQ(a.kernel_w, 5);
  EXPECT_EQ(a.stride_h, 2);
  EXPECT_EQ(a.stride_w, 3);
  EXPECT_EQ(a.dilation_h, 4);
  EXPECT_EQ(a.dilation_w, 5);
  EXPECT_EQ(a.padding, Padding::kSame);
  EXPECT_EQ(op.activation, Activation::kRelu6);
  EXPECT_EQ(LayerOf(op)->dense.weights, model.tensor(kSecond).data.f);
  EXPECT_EQ(LayerOf(op)->dense.bias, model.tensor(kBias).data.f);
}

TEST(ImportTest, DepthwiseConv2DWithoutBias) {
  FakeModel model = DepthwiseModel();
  auto& params = model.params<builtin::DepthwiseConv2DParams>();
  params.padding = builtin::Padding::kValid;
  params.stride_h = 2;
  params.dilation_w = 3;
  params.activation = builtin::Activation::kReluN1To1;
  model.SetInputs({kInput, kSecond, kTfLiteOptionalTensor});
  const GraphOp op = ImportOnly(&model);
  const LayerAttributes& a = AttributesOf(op);
  EXPECT_EQ(op.type(), OpType::kDepthwiseConv2D);
  EXPECT_EQ(a.in_channels, 4);
  EXPECT_EQ(a.out_channels, 4);
  EXPECT_EQ(a.kernel_h, 3);
  EXPECT_EQ(a.kernel_w, 3);
  EXPECT_EQ(a.stride_h, 2);
  EXPECT_EQ(a.stride_w, 1);
  EXPECT_EQ(a.dilation_h, 1);
  EXPECT_EQ(a.dilation_w, 3);
  EXPECT_EQ(a.padding, Padding::kValid);
  EXPECT_EQ(op.activation, Activation::kReluN1To1);
  EXPECT_EQ(op.As<DepthwiseConv2DOp>().weights, model.tensor(kSecond).data.f);
  EXPECT_EQ(op.As<DepthwiseConv2DOp>().bias, nullptr);
}

// As a depthwise convolution, whose weights have the channels last.
TEST(ImportTest, Conv2DOfGroupsOfOneChannel) {
  FakeModel model = ConvModel();
  model.SetDims(kInput, {1, 6, 8, 8});
  const int filter = model.Filled({8, 3, 5, 1});
  model.SetInputs({kInput, filter, kBias});
  Graph graph;
  ASSERT_TRUE(model.Import({kInput}, {kOutput}, &graph).ok());
  const GraphOp& op = graph.ops[0];
  ASSERT_EQ(op.type(), OpType::kDepthwiseConv2D);
  const LayerAttributes& a = AttributesOf(op);
  EXPECT_EQ(a.in_channels, 8);
  EXPECT_EQ(a.out_channels, 8);
  EXPECT_EQ(a.kernel_h, 3);
  EXPECT_EQ(a.kernel_w, 5);
  EXPECT_EQ(a.stride_h, 2);
  const float* const weights = op.As<DepthwiseConv2DOp>().weights;
  for (int tap = 0; tap < 15; ++tap) {
    for (int c = 0; c < 8; ++c) {
      EXPECT_EQ(weights[tap * 8 + c], model.tensor(filter).data.f[c * 15 + tap]);
    }
  }
  EXPECT_EQ(op.activation, Activation::kRelu6);
  EXPECT_EQ(op.As<DepthwiseConv2DOp>().bias, model.tensor(kBias).data.f);
}

TEST(ImportTest, FullyConnected) {
  FakeModel model = DenseModel();
  model.params<builtin::FullyConnectedParams>().keep_num_dims = 255;
  const GraphOp op = ImportOnly(&model);
  EXPECT_EQ(op.type(), OpType::kFullyConnected);
  EXPECT_EQ(AttributesOf(op).kind, OpKind::kFullyConnected);
  EXPECT_EQ(AttributesOf(op).in_channels, 7);
  EXPECT_EQ(AttributesOf(op).out_channels, 5);
  EXPECT_EQ(op.activation, Activation::kRelu);
  EXPECT_TRUE(AttributesOf(op).keep_num_dims);
  EXPECT_EQ(LayerOf(op)->dense.weights, model.tensor(kSecond).data.f);
  EXPECT_EQ(LayerOf(op)->dense.bias, model.tensor(kBias).data.f);
}

TEST(ImportTest, OpsWithoutWeights) {
  FakeModel pool = PoolModel();
  const GraphOp pooled = ImportOnly(&pool);
  EXPECT_EQ(pooled.type(), OpType::kMaxPool2D);
  EXPECT_EQ(AttributesOf(pooled).kernel_h, 2);
  EXPECT_EQ(AttributesOf(pooled).kernel_w, 3);
  EXPECT_EQ(AttributesOf(pooled).stride_h, 2);
  EXPECT_EQ(AttributesOf(pooled).stride_w, 2);
  EXPECT_EQ(AttributesOf(pooled).padding, Padding::kValid);
  EXPECT_EQ(AttributesOf(pooled).in_channels, 0);
  EXPECT_EQ(AttributesOf(pooled).out_channels, 0);

  FakeModel mean = MeanModel();
  EXPECT_FALSE(ImportOnly(&mean).As<MeanOp>().keep_dims);
  mean.params<builtin::MeanParams>().keep_dims = 255;
  EXPECT_TRUE(ImportOnly(&mean).As<MeanOp>().keep_dims);

  FakeModel pad = PadModel();
  const Pads pads = ImportOnly(&pad).As<PadOp>().pads;
  EXPECT_EQ(pads.top, 1);
  EXPECT_EQ(pads.bottom, 2);
  EXPECT_EQ(pads.left, 3);
  EXPECT_EQ(pads.right, 4);
  EXPECT_EQ(ImportOnly(&pad).As<PadOp>().value, 0.0f);
  FakeModel pad_v2 = PadV2Model();
  EXPECT_EQ(ImportOnly(&pad_v2).As<PadOp>().pads.right, 4);
  EXPECT_TRUE(ImportOnly(&pad_v2).As<PadOp>().is_least());

  FakeModel reshape = ReshapeModel();
  EXPECT_EQ(ImportOnly(&reshape).type(), OpType::kReshape);
}

TEST(ImportTest, MeansOfChannelsFirstAreLowered) {
  for (const bool keep_dims : {false, true}) {
    FakeModel model = MeanModel();
    model.SetDims(kInput, {1, 4, 6, 8});
    model.SetInputs({kInput, model.Ints({2, 3})});
    model.params<builtin::MeanParams>().keep_dims = keep_dims;
    Graph graph;
    const Status status = model.Import({kInput}, {kOutput}, &graph);
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_EQ(graph.ops.size(), keep_dims ? 3u : 2u);
    EXPECT_TRUE(graph.ops[0].As<TransposeOp>().to_nhwc);
    EXPECT_FALSE(graph.ops[1].As<MeanOp>().channels_first);
    EXPECT_FALSE(graph.ops[1].As<MeanOp>().keep_dims);
    EXPECT_EQ(graph.ops[1].inputs[0], graph.ops[0].output);
    EXPECT_EQ(graph.tensors[graph.ops.back().output].storage, Storage::kOutput);
    GraphOp mean;
    mean.details = MeanOp{{}, keep_dims, true};
    ConvShape shape{};
    Dims output;
    ASSERT_TRUE(InferShape(mean, {{5, 4, 6, 8}}, Pads(), &shape, &output).ok());
    EXPECT_EQ(output, keep_dims ? (Dims{5, 4, 1, 1}) : (Dims{5, 4}));
  }
}

// input -> 1x1 -> a -> sparse 1x1 -> b; a + b -> sum; sum + sum -> output.
TEST(ImportTest, ConnectsOpsThroughTensors) {
  const TestLayer layer = MakeTestLayer(Pointwise(8, 8, 4), 0.5, true, 1);
  FakeModel model;
  const int input = model.Activation({1, 4, 4, 3}), a = model.Activation({1, 4, 4, 8}),
            b = model.Activation({1, 4, 4, 8}, "b"), sum = model.Activation({1, 4, 4, 8}),
            output = model.Activation({1, 4, 4, 8});
  const builtin::ArithmeticParams add{builtin::Activation::kRelu};
  const builtin::Conv2DParams conv{builtin::Padding::kValid,   1, 1,
                                   builtin::Activation::kNone, 1, 1};
  model.Node(kTfLiteBuiltinConv2d, {input, model.Filled({8, 1, 1, 3})}, {a}, conv);
  model.CustomNode("UbpConv2D", layer.options,
                   {a, model.Bytes(layer.packed), model.Floats(layer.bias)}, {b});
  model.Node(kTfLiteBuiltinAdd, {a, b}, {sum}, add);
  model.Node(kTfLiteBuiltinAdd, {sum, sum}, {output}, add);

  Graph graph;
  const Status status = model.Import({input, 5, 6, 7}, {a, output}, &graph);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(graph.ops.size(), 4u);
  const std::vector<std::vector<int>> inputs = {{0}, {1}, {1, 2}, {3, 3}};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(graph.ops[i].inputs, inputs[i]);
    EXPECT_EQ(graph.ops[i].output, i + 1);
  }
  const Storage storage[] = {Storage::kInput, Storage::kOutput, Storage::kInternal,
                             Storage::kInternal, Storage::kOutput};
  const int model_index[] = {input, a, b, sum, output};
  ASSERT_EQ(graph.tensors.size(), 5u);
  for (int t = 0; t < 5; ++t) {
    EXPECT_EQ(graph.tensors[t].storage, storage[t]);
    EXPECT_EQ(graph.tensors[t].model_index, model_index[t]);
  }
  const GraphOp& sparse = graph.ops[1];
  EXPECT_EQ(sparse.label, "UbpConv2D 'b'");
  EXPECT_EQ(sparse.type(), OpType::kConv2D);
  EXPECT_EQ(AttributesOf(sparse).block_size, 4);
  EXPECT_EQ(AttributesOf(sparse).num_blocks, layer.attributes.num_blocks);
  EXPECT_EQ(LayerOf(sparse)->packed.counts(), layer.Read().counts());
  EXPECT_EQ(LayerOf(sparse)->packed.bias(), model.tensor(7).data.f);
  EXPECT_EQ(LayerOf(sparse)->dense.weights, nullptr);
  EXPECT_EQ(LayerOf(sparse)->dense.bias, nullptr);
}

class SparseTest : public ::testing::TestWithParam<OpKind> {
 protected:
  enum { kOut, kIn, kPacked, kBiasTensor };

  // The message of importing a layer after `change`.
  static std::string Message(const std::function<void(FakeModel&)>& change) {
    LayerAttributes attributes = Pointwise(8, 12, 4);
    attributes.kind = GetParam();
    const TestLayer layer = MakeTestLayer(attributes, 0.5, true, 1);
    FakeModel model;
    model.Activation({1, 2, 2, 12}, "expand");
    model.Activation({1, 2, 2, 8});
    model.Bytes(layer.packed);
    model.Floats(layer.bias);
    model.CustomNode(OpName(GetParam()), layer.options, {kIn, kPacked, kBiasTensor}, {kOut});
    change(model);
    Graph graph;
    return model.Import({kIn}, {kOut}, &graph).message();
  }

  static void ExpectMessage(const std::function<void(FakeModel&)>& change,
                            const std::string& expected) {
    const std::string message = Message(change);
    EXPECT_THAT(message, HasSubstr(expected));
    EXPECT_THAT(message, HasSubstr(OpName(GetParam())));
  }
};

TEST_P(SparseTest, ReportsWhatIsWrong) {
  EXPECT_EQ(Message([](FakeModel&) {}), "");
  ExpectMessage([](FakeModel& m) { m.SetInputs({kIn}); },
                " 'expand': the op has 1 inputs, expected 2 or 3.");
  ExpectMessage(
      [](FakeModel& m) {
        m.SetInputs({99, kPacked});
      },
      "the activation or the packed weights are missing.");
  ExpectMessage(
      [](FakeModel& m) {
        m.SetInputs({kIn, -1});
      },
      "the activation or the packed weights are missing.");
  ExpectMessage([](FakeModel& m) { m.SetInputs({kIn, kPacked, 99}); }, "the bias is missing.");
  ExpectMessage(
      [](FakeModel& m) {
        m.SetInputs({kIn, kPacked});
      },
      "have a bias that does not match its checksum");
  ExpectMessage([](FakeModel& m) { m.SetOutputs({}); }, ": node 0 has 0 outputs, expected 1.");
  ExpectMessage([](FakeModel& m) { m.SetOutputs({99}); }, ": the output of node 0 does not exist.");
  ExpectMessage([](FakeModel& m) { m.SetOutputs({kIn}); },
                "the output is read or written by an earlier op.");
  ExpectMessage([](FakeModel& m) { m.tensor(kOut).type = kTfLiteInt8; },
                "the activation and the output must be float32, or both int8.");
  ExpectMessage([](FakeModel& m) { m.tensor(kOut).allocation_type = kTfLiteMmapRo; },
                "the output is a constant.");
}

TEST_P(SparseTest, ReportsDamagedConstants) {
  ExpectMessage([](FakeModel& m) { m.tensor(kPacked).type = kTfLiteInt8; },
                "the packed weights must be a constant uint8 tensor.");
  ExpectMessage([](FakeModel& m) { m.tensor(kPacked).data.raw = nullptr; },
                "the packed weights must be a constant uint8 tensor.");
  ExpectMessage([](FakeModel& m) { m.tensor(kPacked).data.uint8[3] ^= 1; },
                "do not match their checksum");
  ExpectMessage([](FakeModel& m) { m.tensor(kPacked).bytes -= 1; },
                "the packed weights end within");
  ExpectMessage([](FakeModel& m) { m.tensor(kBiasTensor).data.f[3] += 1; },
                "have a bias that does not match its checksum");
  ExpectMessage([](FakeModel& m) { m.tensor(kBiasTensor).bytes += 4; },
                "the bias must be a constant float32 tensor of 12 elements");
  ExpectMessage([](FakeModel& m) { m.Misalign(kBiasTensor); },
                "the bias is not aligned to 4 bytes in the file.");
  ExpectMessage([](FakeModel& m) { m.node().custom_initial_data = nullptr; },
                "custom_options are not a FlexBuffers value");
  for (const int size : {0, -1}) {
    ExpectMessage([size](FakeModel& m) { m.node().custom_initial_data_size = size; },
                  "custom_options are not a FlexBuffers value");
  }
}

INSTANTIATE_TEST_SUITE_P(Import, SparseTest,
                         ::testing::Values(OpKind::kConv2D, OpKind::kFullyConnected),
                         [](const auto& info) { return std::string(OpName(info.param)); });

TEST(ImportTest, DenseLayersWithZerosAreRunInTheBlocksThatCoverThem) {
  FakeModel model;
  model.Activation({1, 64}, "classifier");
  model.Activation({1, 256});
  std::vector<float> weights(64 * 256);  // every 16th lane is not zero
  for (size_t i = 0; i < weights.size(); i += 16) weights[i] = 1.0f;
  model.SetDims(model.Floats(weights), {64, 256});
  const builtin::FullyConnectedParams params = {builtin::Activation::kNone,
                                                builtin::WeightsFormat::kDefault, false};
  model.Node(kTfLiteBuiltinFullyConnected, {kInput, kSecond}, {kOutput}, params);
  EXPECT_EQ(LayerOf(ImportOnly(&model))->dense.block_size, 16);
  std::fill_n(model.tensor(kSecond).data.f, weights.size(), 1.0f);
  EXPECT_EQ(LayerOf(ImportOnly(&model))->dense.block_size, 0);
}

TEST(ImportTest, RefusesNodesThatAreNotClaimed) {
  FakeModel model = ConvModel();
  model.SetDims(kInput, {1, 6, 8, 6});
  Graph graph;
  EXPECT_EQ(model.Import({kInput}, {kOutput}, &graph).message(),
            "node 0 of the model, CONV_2D 'stem', is not for this delegate: "
            "grouped convolution: 6 input channels, 3 in the filter.");
}

TEST(ImportTest, RefusesNodesThatCannotBeReadOrAreOutOfOrder) {
  FakeModel model = ConvModel();
  Graph graph;
  EXPECT_EQ(model.Import({kInput}, {kOutput}, &graph, 5).message(),
            "node 5 of the model cannot be read.");
  Graph again;
  EXPECT_EQ(model.Import({kInput}, {kOutput}, &again, 0).message(),
            "CONV_2D 'stem': the output is read or written by an earlier op.");
}

}  // namespace
}  // namespace ubp
