// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/fake_nodes.h"

#include <limits>

#include "delegate/tflite/model/builtin_params.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

using A = builtin::Activation;
using P = builtin::Padding;

struct NoParams {};

FakeModel ArithmeticModel(int code, const char* name) {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, name);
  model.Activation({1, 6, 8, 4});
  model.Activation({1, 6, 8, 4});
  model.Node(code, {kInput, kSecond}, {kOutput}, builtin::ArithmeticParams{A::kNone});
  return model;
}

FakeModel PoolModel(int code) {
  FakeModel model;
  model.Activation({1, 3, 3, 4}, "pool");
  model.Activation({1, 6, 8, 4});
  model.Node(code, {kInput}, {kOutput}, builtin::Pool2DParams{P::kValid, 2, 2, 3, 2, A::kNone});
  return model;
}

FakeModel ResizeModel(int code) {
  FakeModel model;
  model.Activation({1, 12, 24, 4}, "resize");
  model.Activation({1, 6, 8, 4});
  model.Ints({12, 24});
  model.Node(code, {kInput, kSecond}, {kOutput}, builtin::ResizeParams{0, 1});
  return model;
}

FakeModel FunctionModel(int code) {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, "activation");
  model.Activation({1, 6, 8, 4});
  model.Node(code, {kInput}, {kOutput}, NoParams());
  return model;
}

}  // namespace

FakeModel ConvModel() {
  FakeModel model;
  model.Activation({1, 3, 4, 8}, "stem");
  model.Activation({1, 6, 8, 3});
  model.Filled({8, 3, 5, 3});
  model.Filled({8});
  model.Node(kTfLiteBuiltinConv2d, {kInput, kSecond, kBias}, {kOutput},
             builtin::Conv2DParams{P::kSame, 2, 2, A::kRelu6, 1, 1});
  return model;
}

FakeModel DepthwiseModel() {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, "depthwise");
  model.Activation({1, 6, 8, 4});
  model.Filled({1, 3, 3, 4});
  model.Filled({4});
  model.Node(kTfLiteBuiltinDepthwiseConv2d, {kInput, kSecond, kBias}, {kOutput},
             builtin::DepthwiseConv2DParams{P::kSame, 1, 1, 0, A::kNone, 1, 1});
  return model;
}

FakeModel DenseModel() {
  FakeModel model;
  model.Activation({1, 5}, "classifier");
  model.Activation({1, 7});
  model.Filled({5, 7});
  model.Filled({5});
  model.Node(kTfLiteBuiltinFullyConnected, {kInput, kSecond, kBias}, {kOutput},
             builtin::FullyConnectedParams{A::kRelu, builtin::WeightsFormat::kDefault, false});
  return model;
}

FakeModel AddModel() { return ArithmeticModel(kTfLiteBuiltinAdd, "residual"); }
FakeModel SubModel() { return ArithmeticModel(kTfLiteBuiltinSub, "difference"); }
FakeModel MulModel() { return ArithmeticModel(kTfLiteBuiltinMul, "excite"); }

FakeModel ScaleModel() {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, "scale");
  model.Activation({1, 6, 8, 4});
  model.Filled({4});
  model.Node(kTfLiteBuiltinMul, {kInput, kSecond}, {kOutput}, builtin::ArithmeticParams{A::kRelu});
  return model;
}

FakeModel PoolModel() { return PoolModel(kTfLiteBuiltinMaxPool2d); }
FakeModel AveragePoolModel() { return PoolModel(kTfLiteBuiltinAveragePool2d); }

FakeModel ReluModel() { return FunctionModel(kTfLiteBuiltinRelu); }
FakeModel ReluN1To1Model() { return FunctionModel(kTfLiteBuiltinReluN1To1); }
FakeModel Relu6Model() { return FunctionModel(kTfLiteBuiltinRelu6); }
FakeModel HardSwishModel() { return FunctionModel(kTfLiteBuiltinHardSwish); }
FakeModel LogisticModel() { return FunctionModel(kTfLiteBuiltinLogistic); }
FakeModel TanhModel() { return FunctionModel(kTfLiteBuiltinTanh); }
FakeModel EluModel() { return FunctionModel(kTfLiteBuiltinElu); }
FakeModel ExpModel() { return FunctionModel(kTfLiteBuiltinExp); }
FakeModel LogModel() { return FunctionModel(kTfLiteBuiltinLog); }

FakeModel LeakyReluModel() {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, "activation");
  model.Activation({1, 6, 8, 4});
  model.Node(kTfLiteBuiltinLeakyRelu, {kInput}, {kOutput}, builtin::LeakyReluParams{0.25f});
  return model;
}

FakeModel GeluModel() {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, "activation");
  model.Activation({1, 6, 8, 4});
  model.Node(kTfLiteBuiltinGelu, {kInput}, {kOutput}, builtin::GeluParams{false});
  return model;
}

FakeModel PReluModel() {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, "activation");
  model.Activation({1, 6, 8, 4});
  model.Filled({1, 1, 4});
  model.Node(kTfLiteBuiltinPrelu, {kInput, kSecond}, {kOutput}, NoParams());
  return model;
}

FakeModel ConcatenationModel() {
  FakeModel model;
  model.Activation({1, 6, 8, 9}, "concatenation");
  model.Activation({1, 6, 8, 4});
  model.Activation({1, 6, 8, 5});
  model.Node(kTfLiteBuiltinConcatenation, {kInput, kSecond}, {kOutput},
             builtin::ConcatenationParams{3, A::kNone});
  return model;
}

FakeModel SoftmaxModel() {
  FakeModel model;
  model.Activation({1, 10}, "probabilities");
  model.Activation({1, 10});
  model.Node(kTfLiteBuiltinSoftmax, {kInput}, {kOutput}, builtin::SoftmaxParams{1.5f});
  return model;
}

FakeModel MeanModel() {
  FakeModel model;
  model.Activation({1, 4}, "mean");
  model.Activation({1, 6, 8, 4});
  model.Ints({1, 2});
  model.Node(kTfLiteBuiltinMean, {kInput, kSecond}, {kOutput}, builtin::MeanParams{false});
  return model;
}

FakeModel PadModel() {
  FakeModel model;
  model.Activation({1, 9, 15, 4}, "pad");
  model.Activation({1, 6, 8, 4});
  model.Ints({0, 0, 1, 2, 3, 4, 0, 0});
  model.Node(kTfLiteBuiltinPad, {kInput, kSecond}, {kOutput}, NoParams());
  return model;
}

FakeModel PadV2Model() {
  FakeModel model;
  model.Activation({1, 9, 15, 4}, "pad");
  model.Activation({1, 6, 8, 4});
  model.Ints({0, 0, 1, 2, 3, 4, 0, 0});
  model.Floats({-std::numeric_limits<float>::infinity()});
  model.Node(kTfLiteBuiltinPadv2, {kInput, kSecond, kBias}, {kOutput}, NoParams());
  return model;
}

FakeModel ResizeNearestModel() { return ResizeModel(kTfLiteBuiltinResizeNearestNeighbor); }
FakeModel ResizeBilinearModel() { return ResizeModel(kTfLiteBuiltinResizeBilinear); }

FakeModel DepthToSpaceModel() {
  FakeModel model;
  model.Activation({1, 12, 16, 1}, "larger");
  model.Activation({1, 6, 8, 4});
  model.Node(kTfLiteBuiltinDepthToSpace, {kInput}, {kOutput}, builtin::BlockParams{2});
  return model;
}

FakeModel SpaceToDepthModel() {
  FakeModel model;
  model.Activation({1, 3, 4, 16}, "smaller");
  model.Activation({1, 6, 8, 4});
  model.Node(kTfLiteBuiltinSpaceToDepth, {kInput}, {kOutput}, builtin::BlockParams{2});
  return model;
}

FakeModel TransposeConvModel() {
  FakeModel model;
  model.Activation({1, 12, 16, 4}, "upsample");
  model.Activation({1, 6, 8, 3});
  model.Filled({4, 2, 2, 3});
  model.Filled({4});
  const int shape = model.Ints({1, 12, 16, 4});
  model.Node(kTfLiteBuiltinTransposeConv, {shape, kSecond, kInput, kBias}, {kOutput},
             builtin::TransposeConvParams{P::kSame, 2, 2, A::kRelu});
  return model;
}

FakeModel ReshapeModel() {
  FakeModel model;
  model.Activation({2, 4}, "flatten");
  model.Activation({2, 1, 1, 4});
  model.Ints({-1, 4});
  const builtin::ReshapeParams params{{2, 4}, 2};
  model.Node(kTfLiteBuiltinReshape, {kInput, kSecond}, {kOutput}, params);
  return model;
}

FakeModel TransposeModel() {
  FakeModel model;
  model.Activation({1, 6, 8, 4}, "image");
  model.Activation({1, 4, 6, 8});
  model.Ints({0, 2, 3, 1});
  model.Node(kTfLiteBuiltinTranspose, {kInput, kSecond}, {kOutput}, NoParams());
  return model;
}

}  // namespace ubp
