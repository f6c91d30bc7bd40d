// SPDX-License-Identifier: Apache-2.0
// Why nothing of a model is taken.

#include "delegate/tflite/summary.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace ubp {
namespace {

NodeDecision Left(const std::string& layer, const std::string& reason) {
  NodeDecision decision;
  decision.claim.op = "CONV_2D";
  decision.claim.layer = layer;
  decision.claim.layer_op = true;
  decision.claim.reason = decision.reason = reason;
  return decision;
}

NodeDecision WithZeros(const std::string& layer, const BlockChoice& choice) {
  NodeDecision decision = Left(layer, "");
  decision.claim.graph_op = GraphOp();  // a CONV_2D
  decision.claim.choice = choice;
  decision.reason = "no block-sparse layer is near.";
  return decision;
}

NodeDecision Other() {
  NodeDecision decision;
  decision.claim.op = "SOFTMAX";
  decision.claim.reason = decision.reason = "SOFTMAX is left to the interpreter.";
  return decision;
}

const BlockChoice kNoZeros = {};
const BlockChoice kScattered = {false, false, 1, 0.8, 0.9};

TEST(SummaryTest, NamesTheReasonOfMostLayers) {
  const NodeDecision quantised = Left("a", "the input is int8, not float32.");
  const NodeDecision zeros = WithZeros("b", kNoZeros);
  EXPECT_EQ(WhyLayersAreLeft({Other(), Other(), quantised, quantised, zeros}, true),
            "2 of its 3 layers cannot be taken in this form; the first is CONV_2D 'a': the input "
            "is int8, not float32.");
  EXPECT_EQ(WhyLayersAreLeft({quantised, zeros, zeros}, true),
            "2 of its 3 layers have too few zeros to gain from them; prune the model first.");
  EXPECT_EQ(WhyLayersAreLeft({quantised, zeros}, true),
            "1 of its 2 layers cannot be taken in this form; the first is CONV_2D 'a': the input "
            "is int8, not float32.");
}

TEST(SummaryTest, ZerosThatFallIntoNoBlocks) {
  EXPECT_EQ(WhyLayersAreLeft({WithZeros("c", kScattered)}, true),
            "1 of its 1 layer would gain too little from their zeros; the first is CONV_2D 'c': " +
                Describe(kScattered) + "; prune more of them, in blocks.");
}

TEST(SummaryTest, LayersThatWouldPayForChangesOfLayout) {
  BlockChoice pays = kScattered;
  pays.pays = true;
  EXPECT_EQ(WhyLayersAreLeft({WithZeros("c", pays)}, true),
            "1 of its 1 layer would gain less from their zeros than the changes of layout around "
            "them cost; take=sparse takes them in any case.");
}

TEST(SummaryTest, NumbersMakeNoOtherReason) {
  const auto filter = [](const std::string& layer, int elements) {
    return Left(layer, "the filter must be a constant float32 tensor of " +
                           std::to_string(elements) + " elements; it is int8.");
  };
  const NodeDecision zeros = WithZeros("z", kNoZeros);
  EXPECT_EQ(
      WhyLayersAreLeft({zeros, zeros, filter("d", 64), filter("e", 128), filter("f", 9)}, true),
      "3 of its 5 layers cannot be taken in this form; the first is CONV_2D 'd': the filter "
      "must be a constant float32 tensor of 64 elements; it is int8.");
}

TEST(SummaryTest, WhereZerosWereNotLookedFor) {
  EXPECT_EQ(WhyLayersAreLeft({WithZeros("g", kNoZeros), WithZeros("h", kNoZeros)}, false),
            "2 of its 2 layers are not converted, which sparse_from_dense=off asks for; convert a "
            "pruned model with 'ubp convert'.");
}

}  // namespace
}  // namespace ubp
