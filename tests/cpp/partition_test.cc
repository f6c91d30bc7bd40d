// SPDX-License-Identifier: Apache-2.0
// Which nodes of a model are taken together, and when the dense ones around are not worth it.

#include "delegate/tflite/model/partition.h"

#include <string>
#include <vector>

#include "delegate/tflite/model/builtin_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/fake_model.h"

namespace ubp {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<bool> Taken(FakeModel* model, Take take) {
  std::vector<bool> taken;
  for (const NodeDecision& decision : model->Decide(take)) {
    taken.push_back(decision.taken);
    EXPECT_EQ(decision.taken, decision.reason.empty()) << decision.reason;
  }
  return taken;
}

// Adds a dense 1x1 convolution of `input` [1, size, size, channels]; returns its output.
int AddDense(FakeModel* model, int input, int out_channels) {
  const Dims dims = model->DimsOf(input);
  const int output = model->Activation({1, dims[1], dims[2], out_channels}, "dense");
  const int weights = model->Filled({out_channels, 1, 1, dims[3]});
  model->Node(
      kTfLiteBuiltinConv2d, {input, weights, model->Filled({out_channels})}, {output},
      builtin::Conv2DParams{builtin::Padding::kSame, 1, 1, builtin::Activation::kNone, 1, 1});
  return output;
}

int AddSparse(FakeModel* model, int input, int out_channels) {
  const Dims dims = model->DimsOf(input);
  const int output = model->Activation({1, dims[1], dims[2], out_channels}, "sparse");
  model->CustomNode("UbpConv2D", {}, {input, model->Bytes({0})}, {output});
  return output;
}

// Leaves a node that nobody takes.
int AddForeign(FakeModel* model, int input) {
  const int output = model->Activation(model->DimsOf(input), "foreign");
  model->CustomNode("Foreign", {}, {input}, {output});
  return output;
}

int AddFunction(FakeModel* model, int code, int input) {
  const int output = model->Activation(model->DimsOf(input), "function");
  model->Node(code, {input}, {output}, builtin::SoftmaxParams{1.0f});
  return output;
}

TEST(PartitionTest, TakesCheapNeighboursOfBlockSparseLayers) {
  FakeModel model;
  int x = AddSparse(&model, model.Activation({1, 28, 28, 128}), 64);
  x = AddFunction(&model, kTfLiteBuiltinRelu, x);
  x = AddForeign(&model, x);
  AddDense(&model, x, 8);
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(true, true, false, false));
  EXPECT_THAT(Taken(&model, Take::kSparse), ElementsAre(true, false, false, false));
  EXPECT_THAT(Taken(&model, Take::kAll), ElementsAre(true, true, false, true));
  const std::vector<NodeDecision> decisions = model.Decide(Take::kAuto);
  EXPECT_THAT(decisions[2].reason, HasSubstr("Foreign"));
  EXPECT_THAT(decisions[3].reason, HasSubstr("no block-sparse layer"));
}

TEST(PartitionTest, TakesOperatorsWithoutWeightsOnlyWithABlockSparseLayerNear) {
  FakeModel model;
  int x = AddSparse(&model, model.Activation({1, 28, 28, 64}), 64);
  x = AddFunction(&model, kTfLiteBuiltinHardSwish, x);
  x = AddSparse(&model, x, 64);
  AddFunction(&model, kTfLiteBuiltinLogistic, AddForeign(&model, x));
  AddFunction(&model, kTfLiteBuiltinSoftmax, model.Activation({1, 1000}));
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(true, true, true, false, false, false));
  EXPECT_THAT(Taken(&model, Take::kSparse), ElementsAre(true, false, true, false, false, false));
  EXPECT_THAT(Taken(&model, Take::kAll), ElementsAre(true, true, true, false, true, true));
  EXPECT_EQ(model.Decide(Take::kSparse)[1].reason, "take=sparse takes block-sparse layers only.");
  for (const int node : {4, 5}) {
    EXPECT_EQ(model.Decide(Take::kAuto)[node].reason, "no block-sparse layer is near.");
  }
}

// 3x3, stride 1, SAME.
int AddDepthwise(FakeModel* model, int input) {
  const Dims dims = model->DimsOf(input);
  const int output = model->Activation(dims, "depthwise");
  model->Node(kTfLiteBuiltinDepthwiseConv2d, {input, model->Filled({1, 3, 3, dims[3]})}, {output},
              builtin::DepthwiseConv2DParams{builtin::Padding::kSame, 1, 1, 1,
                                             builtin::Activation::kNone, 1, 1});
  return output;
}

int AddSum(FakeModel* model, int a, int b) {
  const int output = model->Activation(model->DimsOf(a), "sum");
  model->Node(kTfLiteBuiltinAdd, {a, b}, {output},
              builtin::ArithmeticParams{builtin::Activation::kNone});
  return output;
}

// The block of a network for landmarks, with `activate` behind its layers.
template <typename Activate>
int AddInverted(FakeModel* model, int x, const Activate& activate) {
  const int channels = model->DimsOf(x)[3];
  int y = activate(AddSparse(model, x, channels / 2));
  y = AddSparse(model, AddDepthwise(model, y), channels);
  return activate(AddSum(model, x, y));
}

// Where every activation is left, the tensors between the operators around are images whoever runs
// these, and changes of layout would cost more than they gain.
TEST(PartitionTest, LeavesWhatLiesBetweenIslands) {
  FakeModel model;
  const auto activate = [&](int x) { return AddForeign(&model, x); };
  int x = model.Activation({1, 64, 64, 64});
  for (int i = 0; i < 3; ++i) x = AddInverted(&model, x, activate);
  const std::vector<bool> taken = Taken(&model, Take::kAuto);
  EXPECT_EQ(taken, Taken(&model, Take::kSparse));
  const std::string reason = model.Decide(Take::kAuto)[2].reason;
  EXPECT_EQ(reason,
            "it is predicted to run faster in XNNPACK, changes of layout around it included.");
}

TEST(PartitionTest, TakesTheSameBlocksAsAWholeWithoutIslands) {
  FakeModel model;
  const auto activate = [&](int x) { return AddFunction(&model, kTfLiteBuiltinRelu, x); };
  int x = model.Activation({1, 64, 64, 64});
  for (int i = 0; i < 3; ++i) x = AddInverted(&model, x, activate);
  EXPECT_EQ(Taken(&model, Take::kAuto), Taken(&model, Take::kAll));
}

// Operators that are left do not make their whole stretch be left: what is behind them is taken.
TEST(PartitionTest, TakesAPartOfAStretch) {
  FakeModel model;
  const auto relu = [&](int x) { return AddFunction(&model, kTfLiteBuiltinRelu, x); };
  int x = model.Activation({1, 40, 40, 64});
  constexpr int kSlow = 12;  // that XNNPACK computes faster
  for (int i = 0; i < kSlow; ++i) x = AddFunction(&model, kTfLiteBuiltinLogistic, x);
  for (int i = 0; i < 3; ++i) x = AddInverted(&model, x, relu);
  const std::vector<bool> taken = Taken(&model, Take::kAuto);
  EXPECT_THAT(std::vector<bool>(taken.begin(), taken.begin() + kSlow), Each(false));
  EXPECT_THAT(std::vector<bool>(taken.begin() + kSlow, taken.end()), Each(true));
}

TEST(PartitionTest, LeavesDenseNeighboursThatWouldLoseMore) {
  FakeModel model;
  int x = AddDense(&model, model.Activation({1, 28, 28, 256}), 256);
  x = AddSparse(&model, x, 64);
  AddDense(&model, x, 512);
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(false, true, false));
  EXPECT_THAT(model.Decide(Take::kAuto)[0].reason, HasSubstr("faster in XNNPACK"));
}

// Weights [out_channels, 1, 1, in_channels], 7 in 8 of which are zero: whole blocks of 4 channels.
int SparseWeights(FakeModel* model, int out_channels, int in_channels) {
  std::vector<float> weights(out_channels * in_channels);
  for (int c = 0; c < out_channels; ++c) {
    for (int lane = 0; lane < in_channels; ++lane) {
      weights[c * in_channels + lane] = (c / 4 + lane) % 8 == 0 ? 1.0f : 0.0f;
    }
  }
  const int index = model->Floats(weights);
  model->SetDims(index, {out_channels, 1, 1, in_channels});
  return index;
}

// A dense convolution with the given weights; returns its output.
int AddWith(FakeModel* model, int input, int weights) {
  const Dims dims = model->DimsOf(input);
  const int output =
      model->Activation({1, dims[1], dims[2], model->DimsOf(weights)[0]}, "with_zeros");
  model->Node(
      kTfLiteBuiltinConv2d, {input, weights}, {output},
      builtin::Conv2DParams{builtin::Padding::kSame, 1, 1, builtin::Activation::kNone, 1, 1});
  return output;
}

TEST(PartitionTest, DenseLayersWithZerosCountAsBlockSparse) {
  FakeModel model;
  const int weights = SparseWeights(&model, 64, 64);
  int x = AddWith(&model, model.Activation({1, 28, 28, 64}), weights);
  x = AddFunction(&model, kTfLiteBuiltinRelu, x);
  x = AddForeign(&model, x);
  AddWith(&model, x, weights);  // shared
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(true, true, false, true));
  EXPECT_THAT(Taken(&model, Take::kSparse), ElementsAre(true, false, false, true));
  const std::vector<NodeDecision> decisions = model.Decide(Take::kAuto);
  EXPECT_EQ(decisions[0].claim.block_size, 4);
  EXPECT_EQ(Describe(decisions[0].claim.choice), "88% zeros, covered by blocks of 4");
  EXPECT_EQ(decisions[1].claim.block_size, 0);
  for (const NodeDecision& decision : model.Decide(Take::kAuto, false)) {
    EXPECT_FALSE(decision.taken);
    EXPECT_EQ(decision.claim.choice.block_size, 0);
  }
}

// Each by itself, changes of layout on both sides included, is predicted to gain too little.
TEST(PartitionTest, TakesLayersThatGainOnlyTogether) {
  FakeModel model;
  int x = model.Activation({1, 56, 56, 24});
  const int weights = SparseWeights(&model, 24, 24);
  for (int i = 0; i < 8; ++i) x = AddWith(&model, x, weights);
  const std::vector<NodeDecision> decisions = model.Decide(Take::kAuto);
  EXPECT_LT(decisions[0].claim.choice.speedup, 1.1);
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(decisions[i].taken) << i;
    EXPECT_EQ(decisions[i].claim.block_size, 4);
  }
  EXPECT_THAT(Taken(&model, Take::kSparse), Not(Contains(true)));
}

TEST(PartitionTest, SaysHowManyZerosWereTooFew) {
  FakeModel model;
  const int weights = SparseWeights(&model, 64, 64);
  float* const values = model.tensor(weights).data.f;
  for (int i = 0; i < 64 * 64; ++i) values[i] = i % 8 == 0 ? 0.0f : 1.0f;
  AddWith(&model, model.Activation({1, 28, 28, 64}), weights);
  const NodeDecision decision = model.Decide(Take::kAuto)[0];
  EXPECT_FALSE(decision.taken);
  EXPECT_THAT(decision.reason, HasSubstr("12% zeros, for which blocks of"));
  EXPECT_THAT(decision.reason, HasSubstr("; no block-sparse layer is near."));
}

TEST(PartitionTest, WeightsThatAreNotConstantAreLeft) {
  FakeModel model;
  const int weights = SparseWeights(&model, 64, 64);
  model.tensor(weights).allocation_type = kTfLiteArenaRw;
  AddWith(&model, model.Activation({1, 28, 28, 64}), weights);
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(false));
}

TEST(PartitionTest, OutputsOfUnknownShape) {
  for (const Dims& dims : {Dims{}, Dims{1, -1, 0, 512}}) {
    FakeModel model;
    const int x =
        AddWith(&model, model.Activation({1, 28, 28, 512}), SparseWeights(&model, 512, 512));
    const int y = AddDense(&model, x, 8);
    model.SetDims(y, dims);
    EXPECT_TRUE(Taken(&model, Take::kAuto)[0]);
    model.tensor(y).dims = nullptr;
    EXPECT_TRUE(Taken(&model, Take::kAuto)[0]);
  }
}

// The sizes of the image in AddLayers(); -1 where the file leaves them open.
struct Sizes {
  int input, halved, doubled;
};

// Convolutions with zeros, at all sizes of the image, at half of them, and behind a node that
// nobody takes and that doubles them.
void AddLayers(FakeModel* model, const Sizes& sizes) {
  const auto activation = [&](int size, int doubled_from_1) {
    const int open = size == -1 ? doubled_from_1 : size;  // as in a file, where open sizes are 1
    const int index = model->Activation({1, open, open, 64});
    if (size == -1) model->SetSignature(index, {-1, -1, -1, 64});
    return index;
  };
  const auto convolve = [&](int input, int output, int stride) {
    const int weights = SparseWeights(model, 64, 64);
    model->Node(kTfLiteBuiltinConv2d, {input, weights, model->Filled({64})}, {output},
                builtin::Conv2DParams{builtin::Padding::kSame, stride, stride,
                                      builtin::Activation::kNone, 1, 1});
  };
  const int input = activation(sizes.input, 1), same = activation(sizes.input, 1);
  const int halved = activation(sizes.halved, 1), doubled = activation(sizes.doubled, 2);
  const int last = activation(sizes.doubled, 1);  // what the file has here is not looked at
  convolve(input, same, 1);
  convolve(same, halved, 2);
  model->CustomNode("Doubles", {}, {halved}, {doubled});
  convolve(doubled, last, 1);
}

TEST(PartitionTest, OpenSizesAreThoseOfAPicture) {
  FakeModel open, fixed;
  AddLayers(&open, {-1, -1, -1});
  AddLayers(&fixed, {224, 112, 224});
  const std::vector<NodeDecision> found = open.Decide(Take::kAuto);
  const std::vector<NodeDecision> expected = fixed.Decide(Take::kAuto);
  ASSERT_EQ(found.size(), 4u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].taken, expected[i].taken) << i;
    EXPECT_EQ(found[i].claim.block_size, expected[i].claim.block_size) << i;
    EXPECT_EQ(found[i].claim.choice.cost, expected[i].claim.choice.cost) << i;
    EXPECT_EQ(found[i].claim.choice.speedup, expected[i].claim.choice.speedup) << i;
  }
  EXPECT_TRUE(found[0].taken);
}

// The file says that MEAN, which keeps no dimensions, writes an image.
TEST(PartitionTest, OpenSizesOfADamagedFileMayBeOfAnotherRank) {
  FakeModel model;
  const int image = model.Activation({1, 1, 1, 64});
  const int mean = model.Activation({1, 1, 1, 64});
  const int foreign = model.Activation({1, 1, 1, 64});
  for (const int t : {image, mean, foreign}) model.SetSignature(t, {-1, -1, -1, 64});
  model.Node(kTfLiteBuiltinMean, {image, model.Ints({1, 2})}, {mean}, builtin::MeanParams{0});
  model.CustomNode("Foreign", {}, {mean}, {foreign});
  AddWith(&model, foreign, SparseWeights(&model, 64, 64));
  EXPECT_THAT(Taken(&model, Take::kSparse), ElementsAre(false, false, true));
}

TEST(PartitionTest, SizesThatInputsWereResizedToAreNotOpen) {
  FakeModel resized, fixed;
  AddLayers(&resized, {-1, -1, -1});
  resized.SetDims(resized.node(0).inputs->data[0], {1, 32, 32, 64});
  resized.SetSignature(resized.node(0).inputs->data[0], {-1, -1, -1, 64});
  AddLayers(&fixed, {32, 16, 32});
  const std::vector<NodeDecision> found = resized.Decide(Take::kAuto);
  const std::vector<NodeDecision> expected = fixed.Decide(Take::kAuto);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].claim.choice.cost, expected[i].claim.choice.cost) << i;
  }
}

TEST(PartitionTest, TakesNothingOfADenseModel) {
  FakeModel model;
  AddDense(&model, model.Activation({1, 28, 28, 8}), 8);
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(false));
}

TEST(PartitionTest, TakesDamagedBlockSparseNodesSoThatImportReportsThem) {
  FakeModel model;
  model.CustomNode("UbpConv2D", {}, {}, {});
  model.CustomNode("UbpFullyConnected", {}, {99}, {-1});
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(true, true));
}

}  // namespace
}  // namespace ubp
