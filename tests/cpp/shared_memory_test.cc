// SPDX-License-Identifier: Apache-2.0
// Nodes that would find their input overwritten by way of a RESHAPE are left.

#include "delegate/tflite/model/shared_memory.h"

#include <string>
#include <vector>

#include "delegate/tflite/model/builtin_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/fake_model.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

struct NoParams {};

class SharedMemoryTest : public testing::Test {
 protected:
  // A dense layer, which is taken.
  int Dense(int input) {
    const int output = model_.Activation({1, 2, 2, 4});
    const int weights = model_.Filled({4, 1, 1, 4});
    model_.Node(
        kTfLiteBuiltinConv2d, {input, weights, model_.Filled({4})}, {output},
        builtin::Conv2DParams{builtin::Padding::kSame, 1, 1, builtin::Activation::kNone, 1, 1});
    return output;
  }

  // The same, converted.
  int Packed(int input) {
    const int output = model_.Activation({1, 2, 2, 4});
    model_.CustomNode("UbpConv2D", {}, {input, model_.Bytes({0})}, {output});
    return output;
  }

  // A node that is left.
  int Foreign(const std::vector<int>& inputs) {
    const int output = model_.Activation({1, 2, 2, 4});
    model_.CustomNode("Foreign", {}, inputs, {output});
    return output;
  }

  // Left as well: the shape is an input.
  int Sharing(int code, int input) {
    const int output = model_.Activation({1, 2, 2, 4});
    const int shape = model_.Activation({4});
    model_.tensor(shape).type = kTfLiteInt32;
    model_.Node(code, {input, shape}, {output}, NoParams());
    return output;
  }
  int Reshape(int input) { return Sharing(kTfLiteBuiltinReshape, input); }

  // One character for each node: T if it is taken, - if it is left.
  std::string Taken() {
    std::string taken;
    for (const NodeDecision& decision : model_.Decide(Take::kAll)) {
      taken += decision.taken ? 'T' : '-';
      EXPECT_EQ(decision.taken, decision.reason.empty()) << decision.reason;
    }
    return taken;
  }

  FakeModel model_;
  const int input_ = model_.Activation({1, 2, 2, 4});
};

TEST_F(SharedMemoryTest, AReaderThatWouldWaitForTheOverwriterIsLeft) {
  const int x = Foreign({input_});
  Dense(x);
  Dense(Foreign({Reshape(x)}));
  EXPECT_EQ(Taken(), "----T");
  EXPECT_THAT(model_.Decide(Take::kAll)[1].reason, HasSubstr("overwrite what it reads"));
}

TEST_F(SharedMemoryTest, SoItIsWithSeveralNodesThatShare) {
  for (const int code : {kTfLiteBuiltinSqueeze, kTfLiteBuiltinExpandDims}) {
    model_ = FakeModel();
    const int x = Foreign({model_.Activation({1, 2, 2, 4})});
    Dense(Reshape(x));
    Foreign({Sharing(code, Reshape(x))});
    EXPECT_EQ(Taken(), "------") << code;
  }
}

TEST_F(SharedMemoryTest, WhatReadsInTimeIsTaken) {
  const int x = Foreign({input_});
  const int y = Dense(x);
  Dense(Foreign({Reshape(x), y}));
  EXPECT_EQ(Taken(), "-T--T");
}

TEST_F(SharedMemoryTest, AnInputAndWhatTheDelegateWritesAreNotOverwritten) {
  for (const bool is_input : {true, false}) {
    model_ = FakeModel();
    const int input = model_.Activation({1, 2, 2, 4});
    const int x = is_input ? input : Dense(input);
    Dense(x);
    Dense(Foreign({Reshape(x)}));
    EXPECT_EQ(Taken(), is_input ? "T--T" : "TT--T");
  }
}

TEST_F(SharedMemoryTest, WhatTwoNodesReadIsNotOverwritten) {
  const int x = Foreign({input_});
  Dense(x);
  const int shared = Reshape(x);
  Dense(Foreign({shared}));
  Foreign({shared});
  EXPECT_EQ(Taken(), "-T--T-");
}

TEST_F(SharedMemoryTest, WhatTheModelItselfReadsTooLateIsNotOurs) {
  const int x = Foreign({input_});
  Foreign({Reshape(x)});
  Dense(x);
  EXPECT_EQ(Taken(), "---T");
}

TEST_F(SharedMemoryTest, ANodeThatIsLeftWaitsForNoTakenOneIfItReadsBeforeTheOverwriter) {
  const int x = Foreign({input_});
  Foreign({x, Dense(Dense(input_))});
  Dense(Foreign({Reshape(x)}));
  EXPECT_EQ(Taken(), "------T");
  EXPECT_THAT(model_.Decide(Take::kAll)[1].reason, HasSubstr("a node behind it"));
}

TEST_F(SharedMemoryTest, AConvertedLayerIsNotLeft) {
  const int x = Foreign({input_});
  Packed(x);
  Dense(Foreign({Reshape(x)}));
  EXPECT_EQ(Taken(), "-T--T");
}

TEST_F(SharedMemoryTest, AModelWithoutAnOrderEnds) {
  const int x = Foreign({input_});
  const int y = Foreign({x});
  Foreign({Reshape(x)});
  model_.SetInputs({x, y}, 1);
  EXPECT_EQ(Taken(), "----");
}

}  // namespace
}  // namespace ubp
