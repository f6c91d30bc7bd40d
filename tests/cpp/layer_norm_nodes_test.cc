// SPDX-License-Identifier: Apache-2.0
// Which nodes are taken for one layer normalisation, and which only look like it.

#include "delegate/tflite/model/layer_norm_nodes.h"

#include <algorithm>
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

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::SizeIs;

struct NoParams {};
constexpr builtin::ArithmeticParams kPlain{builtin::Activation::kNone};
constexpr int kChannels = 3;

// Nodes on an image [2, 4, 5, kChannels], each of which returns its output.
class Norm {
 public:
  FakeModel model;
  int x = model.Activation({2, 4, 5, kChannels}, "x");
  int gamma = model.Floats({2.0f, 3.0f, 4.0f});
  int beta = model.Floats({5.0f, 6.0f, 7.0f});
  int epsilon = model.Floats({0.125f});

  Norm() { model.SetDims(epsilon, {}); }

  int Add(int code, std::vector<int> inputs, const builtin::ArithmeticParams& params = kPlain) {
    const int output = model.Activation(model.DimsOf(inputs[0]), "value");
    model.Node(code, std::move(inputs), {output}, params);
    return output;
  }
  int Mean(int input, int axis = -1, bool keep_dims = true) {
    const int output = model.Activation({2, 4, 5, 1}, "mean");
    model.Node(kTfLiteBuiltinMean, {input, model.Ints({axis})}, {output},
               builtin::MeanParams{static_cast<builtin::Flag>(keep_dims)});
    return output;
  }
  int Sum(int a, int b) { return Add(kTfLiteBuiltinAdd, {a, b}); }
  int Difference(int a, int b) { return Add(kTfLiteBuiltinSub, {a, b}); }
  int Times(int a, int b) { return Add(kTfLiteBuiltinMul, {a, b}); }
  int Negative(int a) { return Add(kTfLiteBuiltinNeg, {a}); }
  int SquaredDifference(int a, int b) { return Add(kTfLiteBuiltinSquaredDifference, {a, b}); }
  // 1 / sqrt(variance + epsilon).
  int Root(int squares) { return Add(kTfLiteBuiltinRsqrt, {Sum(Mean(squares), epsilon)}); }

  // As the standard converter writes keras.layers.LayerNormalization.
  int OfKeras(int input, bool center = true, bool scale = true) {
    const int mean = Mean(input);
    const int negative = Negative(mean);
    int root = Root(SquaredDifference(input, mean));
    if (scale) root = Times(root, gamma);
    int rest = Times(negative, root);
    if (center) rest = Sum(rest, beta);
    return Sum(Times(input, root), rest);
  }

  std::vector<NodeDecision> Decide() { return model.Decide(Take::kAll); }

  // The op that all nodes are, which must be one.
  LayerNormOp Only() {
    const std::vector<NodeDecision> decisions = Decide();
    for (const NodeDecision& decision : decisions) EXPECT_TRUE(decision.taken) << decision.reason;
    Graph graph;
    const Status status =
        model.Import({x}, {model.node(model.num_nodes() - 1).outputs->data[0]}, &graph);
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_THAT(graph.ops, SizeIs(1));
    if (graph.ops.size() != 1 || graph.ops[0].If<LayerNormOp>() == nullptr) return {};
    EXPECT_THAT(graph.ops[0].inputs, SizeIs(1));
    EXPECT_EQ(graph.tensors[graph.ops[0].inputs[0]].model_index, x);
    return graph.ops[0].As<LayerNormOp>();
  }

  // Whether the last node is taken for all of a layer normalisation.
  bool IsFound() {
    const std::vector<NodeDecision> decisions = Decide();
    return std::any_of(decisions.begin(), decisions.end(),
                       [](const NodeDecision& decision) { return decision.claim.is_whole; });
  }
};

void ExpectNumbers(const LayerNormOp& norm, const std::vector<float>& scale,
                   const std::vector<float>& offset) {
  EXPECT_EQ(norm.rank, 4);
  EXPECT_EQ(norm.epsilon, 0.125f);
  EXPECT_EQ(norm.channels.scale, scale);
  EXPECT_EQ(norm.channels.offset, offset);
}

TEST(LayerNormNodesTest, OfKeras) {
  const std::vector<float> ones(kChannels, 1.0f), zeros(kChannels, 0.0f);
  Norm both, centered, scaled, neither;
  both.OfKeras(both.x);
  ExpectNumbers(both.Only(), {2.0f, 3.0f, 4.0f}, {5.0f, 6.0f, 7.0f});
  centered.OfKeras(centered.x, true, false);
  ExpectNumbers(centered.Only(), ones, {5.0f, 6.0f, 7.0f});
  scaled.OfKeras(scaled.x, false, true);
  ExpectNumbers(scaled.Only(), {2.0f, 3.0f, 4.0f}, zeros);
  neither.OfKeras(neither.x, false, false);
  ExpectNumbers(neither.Only(), {1.0f}, {0.0f});
}

// x * (I * scale) + (offset - M * (I * scale)).
TEST(LayerNormNodesTest, OfBatchNormalization) {
  Norm norm;
  const int mean = norm.Mean(norm.x, 3);
  const int root = norm.Times(norm.Root(norm.SquaredDifference(mean, norm.x)), norm.gamma);
  const int rest = norm.Difference(norm.beta, norm.Times(root, mean));
  norm.Sum(rest, norm.Times(root, norm.x));
  ExpectNumbers(norm.Only(), {2.0f, 3.0f, 4.0f}, {5.0f, 6.0f, 7.0f});
}

// (x - M) * I * scale + offset.
TEST(LayerNormNodesTest, OfDifferences) {
  Norm norm;
  const int difference = norm.Difference(norm.x, norm.Mean(norm.x));
  const int root = norm.Root(norm.Times(difference, difference));
  norm.Sum(norm.beta, norm.Times(norm.gamma, norm.Times(difference, root)));
  ExpectNumbers(norm.Only(), {2.0f, 3.0f, 4.0f}, {5.0f, 6.0f, 7.0f});
}

TEST(LayerNormNodesTest, OneNumberForAllChannels) {
  Norm norm;
  norm.gamma = norm.model.Floats({2.0f});
  norm.beta = norm.model.Floats({3.0f});
  norm.OfKeras(norm.x);
  ExpectNumbers(norm.Only(), {2.0f}, {3.0f});
}

TEST(LayerNormNodesTest, KeepsTheActivation) {
  Norm norm;
  const int output = norm.OfKeras(norm.x);
  const int last = norm.model.num_nodes() - 1;
  norm.model.params<builtin::ArithmeticParams>(last).activation = builtin::Activation::kRelu6;
  Graph graph;
  ASSERT_TRUE(norm.model.Import({norm.x}, {output}, &graph).ok());
  EXPECT_EQ(graph.ops[0].activation, Activation::kRelu6);
}

TEST(LayerNormNodesTest, SeveralInARow) {
  Norm norm;
  const int output = norm.OfKeras(norm.OfKeras(norm.x), false);
  EXPECT_THAT(norm.Decide(), Each(::testing::Field(&NodeDecision::taken, true)));
  Graph graph;
  ASSERT_TRUE(norm.model.Import({norm.x}, {output}, &graph).ok());
  ASSERT_THAT(graph.ops, SizeIs(2));
  EXPECT_EQ(graph.ops[1].inputs, std::vector<int>{graph.ops[0].output});
}

// They are left together.
TEST(LayerNormNodesTest, LeftAsAWhole) {
  Norm norm;
  norm.OfKeras(norm.x);
  const std::vector<NodeDecision> decisions = norm.model.Decide(Take::kAuto);
  for (const NodeDecision& decision : decisions) EXPECT_FALSE(decision.taken);
  EXPECT_EQ(decisions[0].reason, "it is a part of a layer normalisation that is left.");
  EXPECT_EQ(decisions.back().reason, "no block-sparse layer is near.");
}

// What nobody but the last node may read, by node.
TEST(LayerNormNodesTest, NotIfAnythingInsideIsNeeded) {
  Norm whole;
  whole.OfKeras(whole.x);
  for (int node = 0; node + 1 < whole.model.num_nodes(); ++node) {
    Norm read, output;
    read.OfKeras(read.x);
    const int tensor = read.model.node(node).outputs->data[0];
    read.model.CustomNode("Foreign", {}, {tensor}, {read.model.Activation({1})});
    EXPECT_FALSE(read.IsFound()) << node;
    output.OfKeras(output.x);
    output.model.MarkOutput(tensor);
    EXPECT_FALSE(output.IsFound()) << node;
  }
}

// What is inside ends where something of it is needed.
TEST(LayerNormNodesTest, AsFarAsNothingInsideIsNeeded) {
  Norm norm;
  const int difference = norm.Difference(norm.x, norm.Mean(norm.x));
  const int normal = norm.Times(difference, norm.Root(norm.Times(difference, difference)));
  norm.Times(normal, norm.gamma);
  norm.model.MarkOutput(normal);
  const std::vector<NodeDecision> decisions = norm.Decide();
  EXPECT_TRUE(decisions[decisions.size() - 2].claim.is_whole);
  EXPECT_EQ(decisions.back().claim.type(), OpType::kMul);
}

// A mean that two of them share is needed by either.
TEST(LayerNormNodesTest, NotIfTwoShareTheirMean) {
  Norm norm;
  const int mean = norm.Mean(norm.x);
  for (int i = 0; i < 2; ++i) {
    const int root = norm.Root(norm.SquaredDifference(norm.x, mean));
    norm.Times(norm.Difference(norm.x, mean), root);
  }
  EXPECT_FALSE(norm.IsFound());
}

using Build = std::function<void(Norm*)>;

TEST(LayerNormNodesTest, NotWhatOnlyLooksLikeIt) {
  const std::vector<Build> builds = {
      [](Norm* n) {  // over the width
        n->Times(n->Difference(n->x, n->Mean(n->x, 2)), n->Root(n->SquaredDifference(n->x, n->x)));
      },
      [](Norm* n) {  // x itself times the factor
        n->Times(n->x, n->Root(n->SquaredDifference(n->x, n->Mean(n->x))));
      },
      [](Norm* n) {  // of another tensor
        const int other = n->model.Activation({2, 4, 5, kChannels});
        const int mean = n->Mean(other);
        n->Times(n->Difference(n->x, mean), n->Root(n->SquaredDifference(n->x, mean)));
      },
      [](Norm* n) {  // two factors
        const int mean = n->Mean(n->x);
        const int squares = n->SquaredDifference(n->x, mean);
        n->Sum(n->Times(n->x, n->Root(squares)), n->Times(n->Negative(mean), n->Root(squares)));
      },
      [](Norm* n) {  // the mean is added
        const int mean = n->Mean(n->x);
        n->Times(n->Sum(n->x, mean), n->Root(n->SquaredDifference(n->x, mean)));
      },
      [](Norm* n) {  // twice the scale of one of them
        const int mean = n->Mean(n->x);
        const int root = n->Root(n->SquaredDifference(n->x, mean));
        n->Sum(n->Times(n->x, n->Times(root, n->gamma)), n->Times(n->Negative(mean), root));
      },
      [](Norm* n) {  // squares of something else
        const int mean = n->Mean(n->x);
        n->Times(n->Difference(n->x, mean), n->Root(n->Times(n->x, n->x)));
      },
      [](Norm* n) {  // no epsilon
        const int mean = n->Mean(n->x);
        const int variance = n->Mean(n->SquaredDifference(n->x, mean));
        n->Times(n->Difference(n->x, mean), n->Add(kTfLiteBuiltinRsqrt, {variance}));
      },
      [](Norm* n) {  // M - x
        const int mean = n->Mean(n->x);
        n->Times(n->Difference(mean, n->x), n->Root(n->SquaredDifference(n->x, mean)));
      },
  };
  for (size_t i = 0; i < builds.size(); ++i) {
    Norm norm;
    builds[i](&norm);
    EXPECT_FALSE(norm.IsFound()) << "build " << i;
  }
}

struct NodeChange {
  int node;
  int input;
  std::function<int(Norm*)> tensor;
};

// Constants that are none, or of another shape, and means of another kind.
TEST(LayerNormNodesTest, NotWithOtherConstants) {
  enum { kMean, kNegative, kSquares, kVariance, kShift, kRoot, kScale, kProduct, kOffset };
  const auto with = [](std::vector<float> values, Dims dims) {
    return [=](Norm* n) {
      const int tensor = n->model.Floats(values);
      n->model.SetDims(tensor, dims);
      return tensor;
    };
  };
  const auto computed = [](Norm* n) { return n->model.Activation({kChannels}); };
  const auto axes = [](std::vector<int> values) {
    return [=](Norm* n) { return n->model.Ints(values); };
  };
  const NodeChange changes[] = {
      {kShift, 1, computed},
      {kScale, 1, computed},
      {kOffset, 1, computed},
      {kShift, 1, with({1.0f, 2.0f, 3.0f}, {3})},
      {kShift, 1, with({0.0f}, {})},
      {kShift, 1, with({-1.0f}, {})},
      {kShift, 1, with({1e-40f}, {})},
      {kScale, 1, with({1.0f, 2.0f}, {2})},
      {kScale, 1, with({1.0f, 2.0f, 3.0f}, {3, 1})},
      {kScale, 1, with({1.0f, 2.0f, 3.0f, 4.0f, 5.0f}, {5, 1})},
      {kOffset, 1, with({1.0f, 2.0f, 3.0f}, {1, 1, 1, 1, 3})},
      {kMean, 1, axes({2})},
      {kMean, 1, axes({1, 3})},
      {kVariance, 1, axes({-2})},
  };
  for (size_t i = 0; i < std::size(changes); ++i) {
    Norm norm;
    norm.OfKeras(norm.x);
    const int kept = norm.model.node(changes[i].node).inputs->data[0];
    norm.model.SetInputs({kept, changes[i].tensor(&norm)}, changes[i].node);
    EXPECT_FALSE(norm.IsFound()) << "change " << i;
  }
  Norm reduced;
  reduced.OfKeras(reduced.x);
  reduced.model.params<builtin::MeanParams>(kMean).keep_dims = 0;
  EXPECT_FALSE(reduced.IsFound());
}

TEST(LayerNormNodesTest, NotWithAnActivationInside) {
  for (const int node : {4, 6, 7, 8, 9}) {  // ADD and MUL
    Norm norm;
    norm.OfKeras(norm.x);
    norm.model.params<builtin::ArithmeticParams>(node).activation = builtin::Activation::kRelu;
    EXPECT_FALSE(norm.IsFound()) << node;
  }
}

TEST(LayerNormNodesTest, NotOfOtherTypes) {
  Norm norm;
  norm.OfKeras(norm.x);
  for (int t = 0; t < norm.model.num_tensors(); ++t) {
    TfLiteTensor& tensor = norm.model.tensor(t);
    if (tensor.allocation_type == kTfLiteMmapRo) continue;
    for (const TfLiteType type : {kTfLiteInt8, kTfLiteFloat16}) {
      tensor.type = type;
      EXPECT_FALSE(norm.IsFound()) << t;
    }
    tensor.type = kTfLiteFloat32;
  }
  EXPECT_TRUE(norm.IsFound());
}

// The same numbers, by way of more nodes than anybody writes: following them takes a time that grows with
// the square of their number.
TEST(LayerNormNodesTest, LongWaysAreNotFollowed) {
  for (const int detours : {2, 20}) {
    Norm norm;
    const int mean = norm.Mean(norm.x);
    int difference = norm.Difference(norm.x, mean);
    for (int i = 0; i < detours; ++i) {
      difference = norm.Difference(norm.Sum(difference, mean), mean);
    }
    norm.Times(difference, norm.Root(norm.SquaredDifference(norm.x, mean)));
    EXPECT_EQ(norm.IsFound(), detours == 2);
  }
}

// A resize to other channels, or another rank, is refused; other sizes are not.
TEST(LayerNormNodesTest, ShapesThatItRunsOn) {
  LayerNormOp norm;
  norm.rank = 3;
  norm.channels = {{1.0f, 2.0f}, {0.0f, 0.0f}};
  const auto infer = [&](const Dims& dims) {
    const std::vector<Dims> inputs = {dims};
    Dims output;
    const Status status = norm.Infer({inputs, Pads()}, nullptr, &output);
    if (status.ok()) {
      EXPECT_EQ(output, dims);
    }
    return status.message();
  };
  EXPECT_EQ(infer({7, 5, 2}), "");
  EXPECT_EQ(infer({0, 5, 2}), "");
  EXPECT_EQ(infer({7, 5, 1}),
            "the input has shape [7, 5, 1], expected 3 dimensions, the last of them 2.");
  EXPECT_EQ(infer({7, 2}),
            "the input has shape [7, 2], expected 3 dimensions, the last of them 2.");
  norm.channels = {{1.0f}, {0.0f}};
  EXPECT_EQ(infer({7, 5, 3}), "");
  EXPECT_EQ(infer({5, 3}), "the input has shape [5, 3], expected 3 dimensions.");
}

}  // namespace
}  // namespace ubp
