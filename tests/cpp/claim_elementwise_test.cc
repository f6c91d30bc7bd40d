// SPDX-License-Identifier: Apache-2.0
// In which forms elementwise operators, concatenation, pooling and softmax are taken, and the
// reason where they are not.

#include <limits>
#include <string>
#include <vector>

#include "delegate/tflite/model/builtin_params.h"
#include "gtest/gtest.h"
#include "tests/cpp/claim_changes.h"
#include "tests/cpp/fake_model.h"
#include "tests/cpp/fake_nodes.h"

namespace ubp {
namespace {

using A = builtin::Activation;
using Arithmetic = builtin::ArithmeticParams;
using Concatenation = builtin::ConcatenationParams;
using LeakyRelu = builtin::LeakyReluParams;
using Pool = builtin::Pool2DParams;
using SoftmaxParams = builtin::SoftmaxParams;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Both inputs of the node.
Apply WithInputs(const Dims& first, const Dims& second) {
  return [=](FakeModel& model) {
    model.SetDims(kInput, first);
    model.SetDims(kSecond, second);
  };
}

// A constant of these dimensions in place of the first or second input.
Apply WithConstant(const Dims& dims, bool first = false) {
  return [=](FakeModel& model) {
    const int constant = model.Filled(dims);
    model.SetInputs(first ? std::vector<int>{constant, kInput}
                          : std::vector<int>{kInput, constant});
  };
}

TEST(ClaimArithmeticTest, Tensors) {
  for (FakeModel (*make)() : {&AddModel, &SubModel, &MulModel}) {
    Check({
        {make, With(&Arithmetic::activation, A::kRelu), ""},
        {make, With(&Arithmetic::activation, A::kTanh), "TANH"},
        {make, WithInputs({6, 4}, {6, 4}), ""},
        {make, WithInputs({1, 6, 8, 4}, {1, 1, 1, 4}), ""},
        {make, WithInputs({1, 1, 1, 4}, {1, 6, 8, 4}), ""},
        {make, WithInputs({3, 6, 8, 4}, {1, 1, 1, 4}), ""},
        {make, WithInputs({1, 6, 8, 4}, {3, 1, 1, 4}),
         "operands of shapes [1, 6, 8, 4] and [3, 1, 1, 4], expected equal ones, or an image and "
         "[batch, 1, 1, channels]."},
        {make, WithInputs({1, 6, 8, 4}, {1, 6, 1, 4}), "operands of shapes"},
        {make, WithInputs({1, 6, 8, 4}, {1, 6, 8, 1}), "operands of shapes"},
        {make, WithInputs({1, 6, 8, 4}, {4}), "[1, 6, 8, 4] and [4], expected"},
        {make, WithInputs({6, 4}, {1, 4}), "operands of shapes"},
        {make, WithSignature(kInput, {1, -1, -1, 4}), "[1, -1, -1, 4] and [1, 6, 8, 4]"},
        {make, WithTensor(kSecond, &TfLiteTensor::allocation_type, kTfLiteMmapRo),
         "the input is a constant."},
        {make, WithTensor(kSecond, &TfLiteTensor::type, kTfLiteInt8), "the input is int8"},
        {make,
         [](FakeModel& m) {
           m.SetInputs({kInput, 99});
         },
         "the input is missing."},
        {make,
         [](FakeModel& m) {
           m.SetInputs({kInput, kInput});
         },
         ""},
    });
  }
}

TEST(ClaimArithmeticTest, Constants) {
  const Apply both = [](FakeModel& m) { m.SetInputs({m.Filled({4}), m.Filled({4})}); };
  const Apply integers = [](FakeModel& m) { m.SetInputs({kInput, m.Ints({1})}); };
  const Apply too_long = [](FakeModel& m) { m.tensor(kSecond).bytes += 4; };
  const Apply misaligned = [](FakeModel& m) { m.Misalign(kSecond); };
  const Apply open_channels = [](FakeModel& m) { m.SetSignature(kInput, {1, 6, 8, -1}); };
  for (const bool first : {false, true}) {
    Check({
        {&ScaleModel, WithConstant({}, first), ""},
        {&ScaleModel, WithConstant({1}, first), ""},
        {&ScaleModel, WithConstant({4}, first), ""},
        {&ScaleModel, WithConstant({1, 1, 4}, first), ""},
        {&ScaleModel, WithConstant({1, 1, 1, 1}, first), ""},
        {&ScaleModel, WithConstant({5}, first),
         "the constant operand has shape [5] and the input [1, 6, 8, 4], expected one number or "
         "one "
         "for each channel."},
        {&ScaleModel, WithConstant({4, 1}, first), "one number"},
        {&ScaleModel, WithConstant({2, 2}, first), "one number"},
        {&ScaleModel, WithConstant({8, 4}, first), "one number"},
        {&ScaleModel, WithConstant({1, 1, 1, 1, 4}, first), "one number"},
        {&ScaleModel, WithConstant({0}, first), "one number"},
    });
  }
  Check({
      {&ScaleModel, both, "all inputs are constant."},
      {&ScaleModel, integers, "must be a constant float32 tensor of 1 elements; it is int32."},
      {&ScaleModel, too_long, "the constant operand must be a constant float32 tensor of 4"},
      {&ScaleModel, misaligned, "the constant operand is not aligned to 4 bytes"},
      {&ScaleModel, open_channels, "one number or one for each channel"},
      {&ScaleModel, WithDims(kSecond, {-4}), "the constant operand has shape [-4]"},
      {&ScaleModel, WithDims(kInput, {7, 4}), ""},
  });
}

TEST(ClaimConcatenationTest, Forms) {
  const Apply constant = [](FakeModel& m) { m.SetInputs({kInput, m.Filled({1, 6, 8, 5})}); };
  const Apply many = [](FakeModel& m) { m.SetInputs(std::vector<int>(100, kInput)); };
  constexpr int kHuge = 1 << 23;
  Check({
      {&ConcatenationModel, With(&Concatenation::axis, -1), ""},
      {&ConcatenationModel, With(&Concatenation::axis, 1),
       "CONCATENATION along axis 1 of 4, not the last one."},
      {&ConcatenationModel, With(&Concatenation::axis, -4), "axis -4"},
      {&ConcatenationModel, With(&Concatenation::axis, 4), "axis 4"},
      {&ConcatenationModel, With(&Concatenation::activation, A::kRelu), "a fused activation"},
      {&ConcatenationModel, WithInputs({1, 6, 8, 4}, {1, 6, 7, 5}),
       "inputs of shapes [1, 6, 8, 4] and [1, 6, 7, 5], expected to differ in dimension 3 only"},
      {&ConcatenationModel, WithInputs({1, 6, 8, 4}, {8, 4}), "inputs of shapes"},
      {&ConcatenationModel, WithInputs({1, 6, 8, 4}, {1, 6, 8, -1}), "inputs of shapes"},
      {&ConcatenationModel, WithInputs({1, 1, 1, kHuge}, {1, 1, 1, kHuge + 1}),
       "the number of output channels is 16777217, expected 1 to 16777216."},
      {&ConcatenationModel, constant, "the input is a constant."},
      {&ConcatenationModel, many, ""},
      {&ConcatenationModel, [](FakeModel& m) { m.SetInputs({kInput}); }, ""},
  });
}

TEST(ClaimPoolingTest, AverageAsMaximum) {
  Check({
      {&AveragePoolModel, With(&Pool::padding, builtin::Padding::kSame), ""},
      {&AveragePoolModel, With(&Pool::padding, builtin::Padding::kUnknown), "neither SAME nor"},
      {&AveragePoolModel, With(&Pool::stride_w, 0), "the horizontal stride is 0"},
      {&AveragePoolModel, With(&Pool::filter_h, -1), "the kernel height is -1"},
      {&AveragePoolModel, With(&Pool::activation, A::kSigmoid), "SIGMOID"},
  });
}

TEST(ClaimFunctionsTest, Factors) {
  Check({
      {&SoftmaxModel, With(&SoftmaxParams::beta, 0.0f), "the beta is 0"},
      {&SoftmaxModel, With(&SoftmaxParams::beta, kNaN), "the beta is "},
      {&SoftmaxModel, With(&SoftmaxParams::beta, kInfinity), "expected a positive number"},
      {&SoftmaxModel, WithDims(kInput, {1, 6, 8, 4}), "expected 2 dimensions"},
      {&LeakyReluModel, With(&LeakyRelu::alpha, -0.5f), ""},
      {&LeakyReluModel, With(&LeakyRelu::alpha, kInfinity), "the alpha is inf"},
      {&GeluModel, With(&builtin::GeluParams::approximate, builtin::Flag{1}), ""},
      {&LogModel, WithDims(kInput, {7}), ""},
      {&ReluModel, WithDims(kInput, {7}), ""},
  });
}

TEST(ClaimFunctionsTest, AlphasOfPRelu) {
  const Apply computed = [](FakeModel& m) { m.SetInputs({kInput, kInput}); };
  const Apply missing = [](FakeModel& m) { m.SetInputs({kInput, -1}); };
  Check({
      {&PReluModel, WithConstant({4}), ""},
      {&PReluModel, WithConstant({1, 1, 1, 4}), ""},
      {&PReluModel, WithConstant({1, 1, 1}), ""},
      {&PReluModel, WithConstant({6, 8, 4}),
       "the alpha has shape [6, 8, 4] and the input [1, 6, 8, 4], expected one number or one for "
       "each channel."},
      {&PReluModel, WithConstant({1, 1, 5}), "the alpha has shape [1, 1, 5]"},
      {&PReluModel, WithSignature(kInput, {1, 6, 8, -1}), "the alpha has shape"},
      {&PReluModel, computed, "the alpha"},
      {&PReluModel, missing, "the alpha is missing."},
  });
}

}  // namespace
}  // namespace ubp
