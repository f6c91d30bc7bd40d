// SPDX-License-Identifier: Apache-2.0
// Plans with elementwise operators, average pooling, concatenation and softmax, against plain NHWC
// arithmetic in double precision.

#include <functional>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"

namespace ubp {
namespace {

// LOG, which makes NaN of negative values, is in tests of its own.
constexpr Elementwise kFunctions[] = {Elementwise::kLeakyRelu, Elementwise::kElu,
                                      Elementwise::kHardSwish, Elementwise::kLogistic,
                                      Elementwise::kGelu,      Elementwise::kGeluTanh,
                                      Elementwise::kTanh,      Elementwise::kExp};
constexpr OpType kArithmetic[] = {OpType::kAdd, OpType::kSub, OpType::kMul};

class ElementwisePlanTest : public testing::TestWithParam<Dims> {
 protected:
  TestGraph test_{GetParam()};

  int Pointwise(int input, int channels, Activation activation = Activation::kNone) {
    return test_.Convolve(input, channels, 1, 1, Padding::kSame, true, activation);
  }

  void Use(int tensor) {
    test_.MarkOutput(Pointwise(tensor, 5));
    test_.MarkOutput(tensor);
  }

  // A LEAKY_RELU with a slope for each channel.
  int Slopes(int input) {
    return test_.Apply({Elementwise::kLeakyRelu}, input, Activation::kNone, true);
  }

  // What `apply` adds, behind layers of every kind that read x [.., 12].
  void BehindLayers(int x, const std::function<int(int)>& apply) {
    test_.MarkOutput(apply(Pointwise(x, 9, Activation::kRelu6)));
    test_.MarkOutput(Pointwise(apply(test_.Sum(x, Pointwise(x, 12))), 4));
    for (const int stride : {1, 2, 3}) {
      const int y = test_.Depthwise(x, 3, stride, Padding::kSame, Activation::kNone);
      test_.MarkOutput(Pointwise(apply(y), 4));
      test_.MarkOutput(apply(test_.AveragePool(x, 2, stride, Padding::kSame)));
      test_.MarkOutput(apply(test_.MaxPool(x, 2, stride, Padding::kSame)));
    }
    for (const bool sparse : {false, true}) {
      const int y = test_.Convolve(test_.Mean(x, true), 8, 1, 1, Padding::kSame, sparse);
      test_.MarkOutput(apply(test_.Dense(test_.Reshape(apply(y)), 10, sparse)));
    }
  }

  // Squeeze and excite.
  int Gate(int input, int channels) {
    int y = Pointwise(test_.Mean(input, true), 4, Activation::kRelu);
    y = test_.Convolve(y, channels, 1, 1, Padding::kSame, false);
    return test_.Apply(Elementwise::kLogistic, y);
  }
};

INSTANTIATE_TEST_SUITE_P(Inputs, ElementwisePlanTest,
                         testing::Values(Dims{1, 16, 16, 3}, Dims{2, 15, 13, 3}, Dims{1, 1, 1, 5},
                                         Dims{2, 1, 7, 4}, Dims{1, 70, 61, 3}));

TEST_P(ElementwisePlanTest, FunctionsOfImagesAndPlanes) {
  const int x = Pointwise(0, 9);
  test_.MarkOutput(Pointwise(x, 5));
  for (const Activation activation : {Activation::kRelu6, Activation::kReluN1To1}) {
    for (const int tensor : {0, x}) Use(test_.Apply(OpType::kClamp, {tensor}, activation));
    for (const Elementwise function : kFunctions) {
      for (const int tensor : {0, x}) Use(test_.Apply({function, 0.3f}, tensor, activation));
    }
  }
  for (const int tensor : {0, x}) {
    Use(Slopes(tensor));
    Use(test_.Apply(Elementwise::kLog, test_.Apply(Elementwise::kLogistic, tensor)));
  }
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, FunctionsBehindLayers) {
  const int x = Pointwise(0, 12);
  test_.MarkOutput(test_.Mean(x, false));
  for (const Elementwise function : kFunctions) {
    BehindLayers(x, [&](int tensor) { return test_.Apply({function, 0.3f}, tensor); });
  }
  BehindLayers(x, [&](int tensor) { return Slopes(tensor); });
  BehindLayers(
      x, [&](int tensor) { return test_.Apply(OpType::kClamp, {tensor}, Activation::kReluN1To1); });
  ExpectRuns(&test_);
  PlanRules rules;
  rules.fuse_functions = false;
  ExpectRuns(&test_, rules);
}

TEST_P(ElementwisePlanTest, FunctionsOfSeveralOps) {
  const int x = Pointwise(0, 12);
  for (const int tensor : {0, x}) {
    const int y = test_.Softplus(tensor);
    Use(y);
    Use(test_.Softplus(Pointwise(x, 7)));
    const int z = test_.Depthwise(tensor, 3, 1, Padding::kSame, Activation::kNone);
    Use(test_.Apply(OpType::kMul, {z, test_.Apply(Elementwise::kTanh, test_.Softplus(z))}));
    Use(test_.Apply(OpType::kMul, {test_.Apply(Elementwise::kTanh, y), tensor}));
  }
  ExpectRuns(&test_);
}

// The functions of a convolution behind a depthwise one that it computes, and of both in strips.
TEST_P(ElementwisePlanTest, FunctionsInsideFusedLayers) {
  int x = Pointwise(0, 12);
  for (const Elementwise function : {Elementwise::kGelu, Elementwise::kElu}) {
    int y = Slopes(test_.Depthwise(x, 3, 1, Padding::kSame, Activation::kNone));
    y = test_.Apply(function, Pointwise(y, 20));
    y = test_.Depthwise(y, 3, 1, Padding::kSame, Activation::kNone);
    x = Slopes(test_.Sum(x, Pointwise(test_.Apply(function, y), 12)));
  }
  test_.MarkOutput(Pointwise(x, 4));
  PlanRules rules;
  rules.fuse_elements = 0;
  ExpectRuns(&test_, rules);
  rules.fuse_depthwise = false;
  ExpectRuns(&test_, rules);
}

TEST_P(ElementwisePlanTest, ArithmeticOfTensors) {
  const int x = Pointwise(0, 9), y = Pointwise(0, 9);
  const int planes = test_.Apply(Elementwise::kHardSwish, x);
  for (const OpType type : kArithmetic) {
    test_.MarkOutput(test_.Apply(type, {0, 0}, Activation::kRelu6));
    test_.MarkOutput(test_.Apply(type, {x, y}, Activation::kReluN1To1));
    test_.MarkOutput(Pointwise(test_.Apply(type, {planes, x}, Activation::kRelu), 4));
  }
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, ArithmeticWithConstants) {
  const int channels = GetParam()[3];
  const int x = Pointwise(0, 10);
  test_.MarkOutput(Pointwise(x, 4));
  for (const OpType type : kArithmetic) {
    for (const bool first : {false, true}) {
      for (const bool many : {false, true}) {
        test_.MarkOutput(test_.WithConstant(type, 0, many ? channels : 1, first));
        const int y = test_.WithConstant(type, x, many ? 10 : 1, first, Activation::kRelu);
        test_.MarkOutput(Pointwise(y, 4));
      }
    }
  }
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, ArithmeticWithAVectorForAllPixels) {
  const int x = Pointwise(0, 12);
  const int vector = test_.Mean(x, true);
  for (const OpType type : kArithmetic) {
    test_.MarkOutput(test_.Apply(type, {x, vector}, Activation::kRelu));
    test_.MarkOutput(Pointwise(test_.Apply(type, {vector, x}), 4));
    test_.MarkOutput(test_.Apply(type, {0, test_.Mean(0, true)}));
  }
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, SwishWithSqueezeAndExcite) {
  int x = test_.Convolve(0, 8, 3, 1, Padding::kSame, false);
  for (const int kernel : {3, 5}) {
    int y = Pointwise(x, 24);
    y = test_.Apply(OpType::kMul, {y, test_.Apply(Elementwise::kLogistic, y)});
    y = test_.Depthwise(y, kernel, 1, Padding::kSame, Activation::kNone);
    y = test_.Apply(OpType::kMul, {test_.Apply(Elementwise::kLogistic, y), y});
    y = test_.Apply(OpType::kMul, {y, Gate(y, 24)});
    x = test_.Sum(x, Pointwise(y, 8));
  }
  test_.MarkOutput(x);
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, NormalisationAndHardSigmoidInSteps) {
  int x = test_.WithConstant(OpType::kMul, 0, 1);
  x = test_.WithConstant(OpType::kSub, x, GetParam()[3]);
  x = test_.Convolve(x, 8, 3, 2, Padding::kSame, false);
  int gate = test_.WithConstant(OpType::kAdd, x, 1, false, Activation::kRelu6);
  gate = test_.WithConstant(OpType::kMul, gate, 1);
  x = test_.Apply(OpType::kMul, {x, gate});
  // A stand-alone batch normalisation.
  x = test_.WithConstant(OpType::kMul, x, 8);
  x = test_.WithConstant(OpType::kAdd, x, 8, false, Activation::kRelu);
  test_.MarkOutput(Pointwise(x, 7));
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, AveragePooling) {
  const int x = Pointwise(0, 6);
  for (const int kernel : {1, 2, 3, 5}) {
    for (const int stride : {1, 2, 3}) {
      const Activation activation = stride == 2 ? Activation::kReluN1To1 : Activation::kNone;
      test_.MarkOutput(test_.AveragePool(x, kernel, stride, Padding::kSame, activation));
      if (kernel > GetParam()[1] || kernel > GetParam()[2]) continue;
      const int y = test_.AveragePool(x, kernel, stride, Padding::kValid);
      test_.MarkOutput(Pointwise(y, 4));
    }
  }
  // Zeros of a PAD count.
  const int padded = test_.Pad(x, {1, 2, 1, 1});
  test_.MarkOutput(test_.AveragePool(padded, 3, 2, Padding::kValid));
  test_.MarkOutput(test_.AveragePool(padded, 2, 1, Padding::kValid));
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, DenseBlocks) {
  int x = Pointwise(0, 5);
  for (int layer = 0; layer < 4; ++layer) {
    int y = test_.WithConstant(OpType::kMul, x, 5 + 6 * layer, false, Activation::kRelu);
    y = Pointwise(y, 8, Activation::kRelu);
    y = test_.Convolve(y, 6, 3, 1, Padding::kSame, true);
    x = test_.Apply(OpType::kConcatenation, {x, y});
  }
  x = test_.AveragePool(Pointwise(x, 6), 2, 2, Padding::kSame);
  x = test_.Apply(OpType::kConcatenation, {Pointwise(x, 4), x});
  test_.MarkOutput(test_.Mean(x, false));
  ExpectRuns(&test_);
}

// Of planes, of images and of rows; of one channel; and with the activation behind it, which becomes a part.
TEST_P(ElementwisePlanTest, LayerNormalisation) {
  int x = test_.LayerNorm(test_.Depthwise(Pointwise(0, 9), 3, 1, Padding::kSame), true);
  test_.MarkOutput(test_.Apply(OpType::kClamp, {x}, Activation::kReluN1To1));
  test_.MarkOutput(test_.LayerNorm(0, false, Activation::kRelu));
  test_.MarkOutput(test_.LayerNorm(test_.Convolve(x, 1, 1, 1, Padding::kSame, false), true));
  x = test_.Sum(x, Pointwise(test_.LayerNorm(Pointwise(x, 20), false), 9));
  test_.MarkOutput(Pointwise(test_.LayerNorm(x, true), 7));
  const int mean = test_.LayerNorm(test_.Mean(x, true), true);
  test_.MarkOutput(test_.LayerNorm(test_.Dense(test_.Mean(mean, false), 21, false), true));
  ExpectRuns(&test_);
}

TEST_P(ElementwisePlanTest, Branches) {
  const int x = Pointwise(0, 6, Activation::kRelu);
  const int a = Pointwise(x, 4);
  const int b = test_.Depthwise(x, 3, 1, Padding::kSame);
  const int c = Pointwise(test_.AveragePool(x, 3, 1, Padding::kSame), 7);
  const int d = test_.Sum(Pointwise(x, 6), x);
  const int all = test_.Apply(OpType::kConcatenation, {a, b, c, d, x, a});
  const int some = test_.Apply(OpType::kConcatenation, {d, b});
  test_.MarkOutput(Pointwise(some, 5));
  test_.MarkOutput(test_.Convolve(all, 9, 3, 1, Padding::kSame, true));
  test_.MarkOutput(test_.Apply(OpType::kConcatenation, {x, 0, some}));
  test_.MarkOutput(test_.Apply(OpType::kConcatenation, {0, 0, 0}));
  test_.MarkOutput(test_.Apply(OpType::kConcatenation, {c}));
  ExpectRuns(&test_);
  PlanRules rules;
  rules.place_concatenations = false;
  ExpectRuns(&test_, rules);
}

TEST_P(ElementwisePlanTest, Tails) {
  int x = Pointwise(0, 8);
  x = test_.Apply(Elementwise::kHardSwish, Pointwise(test_.Mean(x, true), 20));
  // A window over what a mean writes, which is an image.
  test_.MarkOutput(test_.Depthwise(x, 3, 1, Padding::kSame));
  test_.MarkOutput(test_.AveragePool(x, 2, 2, Padding::kSame));
  x = test_.Apply(Elementwise::kTanh, test_.Dense(test_.Reshape(x), 37, true));
  x = test_.Apply(OpType::kMul, {x, test_.Apply(Elementwise::kLogistic, x)});
  x = test_.WithConstant(OpType::kSub, x, 37, true);
  x = test_.Apply(OpType::kConcatenation, {x, x});
  test_.MarkOutput(test_.Apply(OpType::kSoftmax, {x}, Activation::kNone, 1.7f));
  test_.MarkOutput(test_.Apply(OpType::kSoftmax, {test_.Dense(x, 1, false)}));
  ExpectRuns(&test_);
}

}  // namespace
}  // namespace ubp
