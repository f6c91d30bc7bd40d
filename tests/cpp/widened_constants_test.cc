// Weights that a DEQUANTIZE node widens from float16.

#include "delegate/graph/widened_constants.h"

#include <cmath>
#include <string>
#include <vector>

#include "delegate/format/half.h"
#include "delegate/graph/builtin_params.h"
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

TEST(WidenedConstantsTest, ANodeReadsWhatIsWidened) {
  FakeModel model = HalfModel();
  EXPECT_FALSE(model.ClaimNode(0).type.has_value());
  EXPECT_EQ(model.ClaimNode(1).type, OpType::kFullyConnected);
  const std::vector<NodeDecision> decisions = model.Decide(Take::kAll);
  ASSERT_EQ(decisions.size(), 2u);
  EXPECT_FALSE(decisions[0].taken);
  EXPECT_TRUE(decisions[1].taken);
}

TEST(WidenedConstantsTest, TheGraphKeepsTheValues) {
  FakeModel model = HalfModel();
  Graph graph;
  const Status status = model.ImportNodes({1}, {kInput, kWeights}, {kOutput}, &graph);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(graph.ops.size(), 1u);
  EXPECT_EQ(graph.ops[0].inputs.size(), 1u);  // the weights are no activation
  const float* const weights = graph.ops[0].dense.weights;
  EXPECT_THAT(std::vector<float>(weights, weights + kBits.size()),
              ElementsAre(1.0f, -2.0f, 0.5f, 65504.0f, std::ldexp(1.0f, -24), -0.0f));
}

TEST(WidenedConstantsTest, OtherTensorsAreNotConstants) {
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

}  // namespace
}  // namespace ubp
