// SPDX-License-Identifier: Apache-2.0
// Weights that a DEQUANTIZE node widens from float16, or a DENSIFY node from TFLite's sparse encoding.

#include "delegate/tflite/model/decoded_constants.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "delegate/format/half.h"
#include "delegate/tflite/model/builtin_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/fake_model.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// As stored: 1, -2, 0.5, the largest number, the smallest, and minus zero.
const std::vector<uint16_t> kBits = {0x3C00, 0xC000, 0x3800, 0x7BFF, 0x0001, 0x8000};

enum { kOutput, kInput, kWeights, kHalves };

// Node 0 widens a matrix [3, 2], which node 1, FULLY_CONNECTED, reads.
FakeModel HalfModel(const Dims& stored = {3, 2}) {
  FakeModel model;
  model.Activation({1, 3}, "classifier");
  model.Activation({1, 2});
  model.Activation({3, 2}, "weights");
  model.Halves(stored, kBits);
  struct {
  } none;
  model.Node(kTfLiteBuiltinDequantize, {kHalves}, {kWeights}, none);
  model.Node(kTfLiteBuiltinFullyConnected, {kInput, kWeights, kTfLiteOptionalTensor}, {kOutput},
             builtin::FullyConnectedParams{builtin::Activation::kNone,
                                           builtin::WeightsFormat::kDefault, false});
  return model;
}

TEST(HalfTest, EveryFloat16IsWidenedWithoutLoss) {
  for (int bits = 0; bits < 1 << 16; ++bits) {
    const float value = WidenFloat16(static_cast<uint16_t>(bits));
    const int exponent = (bits >> 10) & 0x1F;
    const int fraction = bits & 0x3FF;
    EXPECT_EQ(std::signbit(value), (bits & 0x8000) != 0);
    if (exponent == 0x1F) {
      EXPECT_EQ(std::isnan(value), fraction != 0);
      EXPECT_FALSE(std::isfinite(value));
    } else {
      const double significand = exponent == 0 ? fraction : 1024 + fraction;
      EXPECT_EQ(std::fabs(value), std::ldexp(significand, std::max(exponent, 1) - 25)) << bits;
    }
  }
}

TEST(DecodedConstantsTest, ANodeReadsWhatIsWidened) {
  FakeModel model = HalfModel();
  EXPECT_FALSE(model.ClaimNode(0).type().has_value());
  EXPECT_EQ(model.ClaimNode(1).type(), OpType::kFullyConnected);
  const std::vector<NodeDecision> decisions = model.Decide(Take::kAll);
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_FALSE(decisions[0].taken);
  EXPECT_TRUE(decisions[1].taken);
}

TEST(DecodedConstantsTest, TheGraphKeepsTheValues) {
  FakeModel model = HalfModel();
  Graph graph;
  const Status status = model.ImportNodes({1}, {kInput, kWeights}, {kOutput}, &graph);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(graph.ops.size(), 1u);
  EXPECT_EQ(graph.ops[0].inputs.size(), 1u);  // the weights are no activation
  const float* const weights = LayerOf(graph.ops[0])->dense.weights;
  EXPECT_THAT(std::vector<float>(weights, weights + kBits.size()),
              ElementsAre(1.0f, -2.0f, 0.5f, 65504.0f, std::ldexp(1.0f, -24), -0.0f));
}

TEST(DecodedConstantsTest, OtherTensorsAreNotConstants) {
  const std::string expected =
      "must be a constant float32 tensor of 6 elements; it is not constant";
  EXPECT_THAT(HalfModel({2, 3}).ClaimNode(1).reason, HasSubstr(expected));  // another shape
  FakeModel model = HalfModel();
  model.tensor(kHalves).allocation_type = kTfLiteArenaRw;
  EXPECT_THAT(model.ClaimNode(1).reason, HasSubstr(expected));
  model = HalfModel();
  model.tensor(kHalves).type = kTfLiteInt8;
  EXPECT_THAT(model.ClaimNode(1).reason, HasSubstr(expected));
  model = HalfModel();
  model.tensor(kHalves).bytes -= 2;
  EXPECT_THAT(model.ClaimNode(1).reason, HasSubstr(expected));
  model = HalfModel();
  model.SetInputs({99}, 0);
  EXPECT_THAT(model.ClaimNode(1).reason, HasSubstr(expected));
}

const Encoding::Level kSparseColumns = {kTfLiteDimSparseCSR, 0, {0, 1, 1, 3}, {1, 0, 1}};

// Of a matrix [3, 2], row by row: 0 5 | 0 0 | 6 7.
Encoding Rows() { return {{0, 1}, {}, {{kTfLiteDimDense, 3, {}, {}}, kSparseColumns}}; }

// Nodes 0 and 1 make a matrix of a sparse one, by way of float16 if need be; node 2,
// FULLY_CONNECTED, reads it.
FakeModel SparseModel(const Dims& matrix, const Encoding& encoding,
                      const std::vector<float>& values, bool half = false) {
  enum { kDense = 3, kStored = 4, kDenseHalves = 5 };
  FakeModel model;
  model.Activation({1, matrix[0]}, "classifier");
  model.Activation({1, matrix[1]});
  model.Activation(matrix, "weights");
  model.Activation(matrix);
  if (half) {
    std::vector<uint16_t> bits(values.size(), 0x3C00);  // 1
    model.SparseHalves(matrix, encoding, bits);
    model.tensor(kDense).type = kTfLiteFloat16;
  } else {
    model.Sparse(matrix, encoding, values);
  }
  struct {
  } none;
  model.Node(kTfLiteBuiltinDensify, {kStored}, {half ? int{kDense} : int{kWeights}}, none);
  model.Node(kTfLiteBuiltinDequantize, {kDense}, {half ? int{kWeights} : int{kDense}}, none);
  model.Node(kTfLiteBuiltinFullyConnected, {kInput, kWeights, kTfLiteOptionalTensor}, {kOutput},
             builtin::FullyConnectedParams{builtin::Activation::kNone,
                                           builtin::WeightsFormat::kDefault, false});
  return model;
}

// The weights that the layer has in the graph; empty where it is left.
std::vector<float> WeightsRead(FakeModel model, int elements) {
  Graph graph;
  const Status status = model.ImportNodes({2}, {kInput, kWeights}, {kOutput}, &graph);
  if (!status.ok()) return {};
  const float* const weights = LayerOf(graph.ops[0])->dense.weights;
  return std::vector<float>(weights, weights + elements);
}

TEST(SparseEncodingTest, RowsAndColumns) {
  EXPECT_THAT(WeightsRead(SparseModel({3, 2}, Rows(), {5, 6, 7}), 6),
              ElementsAre(0, 5, 0, 0, 6, 7));
  const Encoding columns = {
      {1, 0}, {}, {{kTfLiteDimDense, 2, {}, {}}, {kTfLiteDimSparseCSR, 0, {0, 1, 3}, {2, 0, 2}}}};
  EXPECT_THAT(WeightsRead(SparseModel({3, 2}, columns, {5, 6, 7}), 6),
              ElementsAre(0, 6, 0, 0, 5, 7));
}

TEST(SparseEncodingTest, Blocks) {
  const Encoding rows_in_pairs = {{0, 1, 2},
                                  {0},
                                  {{kTfLiteDimDense, 2, {}, {}},
                                   {kTfLiteDimSparseCSR, 0, {0, 1, 2}, {1, 0}},
                                   {kTfLiteDimDense, 2, {}, {}}}};
  EXPECT_THAT(WeightsRead(SparseModel({4, 2}, rows_in_pairs, {1, 2, 3, 4}), 8),
              ElementsAre(0, 1, 0, 2, 3, 0, 4, 0));
  const Encoding tiles = {{0, 1, 3, 2},  // within a block column by column
                          {0, 1},
                          {{kTfLiteDimSparseCSR, 0, {0, 1}, {1}},
                           {kTfLiteDimSparseCSR, 0, {0, 1}, {0}},
                           {kTfLiteDimDense, 2, {}, {}},
                           {kTfLiteDimDense, 2, {}, {}}}};
  EXPECT_THAT(WeightsRead(SparseModel({4, 2}, tiles, {1, 2, 3, 4}), 8),
              ElementsAre(0, 0, 0, 0, 1, 3, 2, 4));
}

TEST(SparseEncodingTest, AllDenseAndNothingStored) {
  const Encoding dense = {{0, 1}, {}, {{kTfLiteDimDense, 3, {}, {}}, {kTfLiteDimDense, 2, {}, {}}}};
  EXPECT_THAT(WeightsRead(SparseModel({3, 2}, dense, {1, 2, 3, 4, 5, 6}), 6),
              ElementsAre(1, 2, 3, 4, 5, 6));
  Encoding nothing = Rows();
  nothing.levels[1] = {kTfLiteDimSparseCSR, 0, {0, 0, 0, 0}, {}};
  EXPECT_THAT(WeightsRead(SparseModel({3, 2}, nothing, {}), 6), ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST(SparseEncodingTest, Float16) {
  EXPECT_THAT(WeightsRead(SparseModel({3, 2}, Rows(), {5, 6, 7}, true), 6),
              ElementsAre(0, 1, 0, 0, 1, 1));
}

TEST(SparseEncodingTest, WhatContradictsItselfIsLeft) {
  const int most = std::numeric_limits<int>::max();
  const std::pair<std::function<void(Encoding*)>, std::string> damages[] = {
      {[](Encoding* e) {
         e->traversal_order = {0, 0};
       },
       "no permutation"},
      {[](Encoding* e) {
         e->traversal_order = {0, 2};
       },
       "no permutation"},
      {[](Encoding* e) {
         e->traversal_order = {-1, 1};
       },
       "no permutation"},
      {[](Encoding* e) { e->traversal_order = {0}; }, "2 levels, expected 2"},
      {[](Encoding* e) { e->levels.pop_back(); }, "1 levels, expected 2"},
      {[](Encoding* e) { e->block_map = {0}; }, "2 levels, expected 3"},
      {[](Encoding* e) { e->levels[0].dense_size = 4; }, "has 4 indices, expected 3"},
      {[=](Encoding* e) { e->levels[0].dense_size = most; }, "indices, expected 3"},
      {[](Encoding* e) { e->levels[0].dense_size = -3; }, "has -3 indices, expected 3"},
      {[](Encoding* e) { e->levels[1].segments = {}; }, "0 segment bounds, expected 4"},
      {[](Encoding* e) {
         e->levels[1].segments = {0, 1, 3};
       },
       "3 segment bounds, expected 4"},
      {[](Encoding* e) {
         e->levels[1].segments = {1, 1, 1, 3};
       },
       "not all in segments"},
      {[](Encoding* e) {
         e->levels[1].segments = {0, 1, 1, 2};
       },
       "not all in segments"},
      {[](Encoding* e) {
         e->levels[1] = {kTfLiteDimSparseCSR, 0, {0, 2, 1, 3}, {0, 1, 1}};
       },
       "overlap"},
      {[](Encoding* e) {
         e->levels[1].segments = {0, -1, 1, 3};
       },
       "overlap"},
      {[=](Encoding* e) {
         e->levels[1].segments = {0, most, most, 3};
       },
       "overlap"},
      {[](Encoding* e) {
         e->levels[1].indices = {1, 1, 0};
       },
       "do not rise"},
      {[](Encoding* e) {
         e->levels[1].indices = {1, 0, 0};
       },
       "do not rise"},
      {[](Encoding* e) {
         e->levels[1].indices = {2, 0, 1};
       },
       "do not rise"},
      {[](Encoding* e) {
         e->levels[1].indices = {-1, 0, 1};
       },
       "do not rise"},
      {[](Encoding* e) {
         e->levels[1] = {kTfLiteDimDense, 2, {}, {}};
       },
       "more places than values"},
      {[](Encoding* e) {
         e->levels[1] = {kTfLiteDimSparseCSR, 0, {0, 1, 1, 2}, {1, 0}};
       },
       "2 places for 3 values"},
  };
  for (const auto& [damage, message] : damages) {
    Encoding encoding = Rows();
    damage(&encoding);
    FakeModel model = SparseModel({3, 2}, encoding, {5, 6, 7});
    const ClaimResult claim = model.ClaimNode(2);
    EXPECT_FALSE(claim.type().has_value()) << message;
    EXPECT_THAT(claim.reason, HasSubstr("the weight matrix is damaged: its sparse encoding"));
    EXPECT_THAT(claim.reason, HasSubstr(message));
  }
}

TEST(SparseEncodingTest, BlocksThatDoNotFitAreLeft) {
  for (const auto& [block_map, size] :
       {std::pair<std::vector<int>, int>{{0}, 3}, {{0}, 0}, {{0}, -2}, {{2}, 2}, {{-1}, 2}}) {
    const Encoding encoding = {{0, 1, 2},
                               block_map,
                               {{kTfLiteDimDense, 2, {}, {}},
                                {kTfLiteDimSparseCSR, 0, {0, 1, 2}, {1, 0}},
                                {kTfLiteDimDense, size, {}, {}}}};
    FakeModel model = SparseModel({4, 2}, encoding, {1, 2, 3, 4});
    EXPECT_THAT(model.ClaimNode(2).reason, HasSubstr("contradicts itself")) << size;
  }
}

TEST(SparseEncodingTest, OtherShapesAndTypesAreNotConstants) {
  FakeModel model = SparseModel({3, 2}, Rows(), {5, 6, 7});
  model.SetDims(kWeights, {2, 3});
  model.SetDims(kInput, {1, 3});
  EXPECT_THAT(model.ClaimNode(2).reason, HasSubstr("it is not constant"));
  model = SparseModel({3, 2}, Rows(), {5, 6, 7}, true);
  model.SetInputs({kInput, 3, kTfLiteOptionalTensor}, 2);  // float16 that nobody widened
  EXPECT_THAT(model.ClaimNode(2).reason, HasSubstr("it is float16"));
}

}  // namespace
}  // namespace ubp
