// SPDX-License-Identifier: Apache-2.0
// In which forms each builtin operator is taken, and the reason where it is
// not.

#include <string>
#include <vector>

#include "delegate/tflite/model/builtin_params.h"
#include "delegate/tflite/model/claim.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/claim_changes.h"
#include "tests/cpp/fake_model.h"
#include "tests/cpp/fake_nodes.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

using A = builtin::Activation;
using Conv = builtin::Conv2DParams;
using Depthwise = builtin::DepthwiseConv2DParams;
using Dense = builtin::FullyConnectedParams;
using Pool = builtin::Pool2DParams;
using Mean = builtin::MeanParams;

// In place of the constant input.
Apply WithInts(const std::vector<int32_t>& values) {
  return [=](FakeModel& model) { model.SetInputs({kInput, model.Ints(values)}); };
}

TEST(ClaimFormsTest, Parameters) {
  Check({
      {&ConvModel, With(&Conv::activation, A::kNone), ""},
      {&ConvModel, With(&Conv::activation, A::kRelu), ""},
      {&ConvModel, With(&Conv::activation, A::kReluN1To1), ""},
      {&ConvModel, With(&Conv::activation, A::kTanh), "the fused activation is TANH."},
      {&ConvModel, With(&Conv::activation, -1), "activation is -1."},
      {&ConvModel, With(&Conv::activation, 7), "activation is 7."},
      {&ConvModel, With(&Conv::padding, builtin::Padding::kUnknown),
       "the padding is neither SAME nor VALID."},
      {&ConvModel, With(&Conv::stride_h, 0), "the vertical stride is 0, expected 1 to 4096."},
      {&ConvModel, With(&Conv::stride_w, -2), "the horizontal stride is -2"},
      {&ConvModel, With(&Conv::dilation_w, 3), ""},
      {&ConvModel, With(&Conv::dilation_h, 0), "the vertical dilation is 0"},
      {&ConvModel, With(&Conv::dilation_w, 4097), "horizontal dilation is 409"},
      {&DepthwiseModel, With(&Depthwise::activation, A::kSigmoid), "SIGMOID"},
      {&DepthwiseModel, With(&Depthwise::stride_h, 2), ""},
      {&DepthwiseModel, With(&Depthwise::depth_multiplier, 7), ""},
      {&DepthwiseModel, With(&Depthwise::dilation_h, 0), "vertical dilation"},
      {&DenseModel, With(&Dense::activation, A::kSignBit), "SIGN_BIT"},
      {&DenseModel, With(&Dense::keep_num_dims, builtin::Flag{1}), ""},
      {&DenseModel, With(&Dense::weights_format, builtin::WeightsFormat::kShuffled4x16Int8),
       "the weight matrix is shuffled."},
      {&PoolModel, With(&Pool::filter_h, 0), "the kernel height is 0"},
      {&PoolModel, With(&Pool::filter_w, 5000), "the kernel width is 5000"},
      {&PoolModel, With(&Pool::activation, A::kTanh), "TANH"},
      {&MeanModel, With(&Mean::keep_dims, builtin::Flag{1}), ""},
  });
}

TEST(ClaimFormsTest, Weights) {
  const Apply misalign = [](FakeModel& m) { m.Misalign(kSecond); };
  static TfLiteSparsity sparsity{};
  Check({
      {&ConvModel, WithTensor(kSecond, &TfLiteTensor::type, kTfLiteInt8),
       "the filter must be a constant float32 tensor of 360 elements; it is "
       "int8."},
      {&ConvModel, WithTensor(kSecond, &TfLiteTensor::type, 30), "it is of type number 30."},
      {&ConvModel, WithTensor(kSecond, &TfLiteTensor::allocation_type, kTfLiteArenaRw),
       "it is not constant."},
      {&ConvModel, WithTensor(kSecond, &TfLiteTensor::data, TfLitePtrUnion{}),
       "it is not constant."},
      {&ConvModel, WithTensor(kSecond, &TfLiteTensor::bytes, 1436), "it is 1436 bytes long."},
      {&ConvModel, WithTensor(kSecond, &TfLiteTensor::bytes, 1441), "it is 1441 bytes long."},
      {&ConvModel, misalign, "the filter is not aligned to 4 bytes"},
      {&ConvModel, WithTensor(kSecond, &TfLiteTensor::sparsity, &sparsity),
       "it is in TFLite's sparse encoding."},
      {&ConvModel, WithDims(kSecond, {8, 45}),
       "the filter has shape [8, 45], expected 4 dimensions."},
      {&DepthwiseModel, WithTensor(kSecond, &TfLiteTensor::type, kTfLiteFloat16),
       "the filter must be a constant float32 tensor of 36 elements"},
      {&DepthwiseModel, misalign, "the filter is not aligned"},
      {&DenseModel, WithTensor(kSecond, &TfLiteTensor::type, kTfLiteInt4),
       "the weight matrix must be a constant float32 tensor of 35 elements"},
      {&DenseModel, misalign, "the weight matrix is not aligned"},
  });
}

TEST(ClaimFormsTest, Bias) {
  for (FakeModel (*make)() : {&ConvModel, &DepthwiseModel, &DenseModel}) {
    Check({
        {make,
         [](FakeModel& m) {
           m.SetInputs({kInput, kSecond});
         },
         ""},
        {make,
         [](FakeModel& m) {
           m.SetInputs({kInput, kSecond, -1});
         },
         ""},
        {make,
         [](FakeModel& m) {
           m.SetInputs({kInput, kSecond, 99});
         },
         "the bias is missing."},
        {make, WithTensor(kBias, &TfLiteTensor::type, kTfLiteInt32),
         "the bias must be a constant float32 tensor of"},
        {make, WithTensor(kBias, &TfLiteTensor::bytes, 4), "4 bytes long."},
        {make, WithTensor(kBias, &TfLiteTensor::allocation_type, kTfLiteArenaRw),
         "it is not constant."},
        {make, [](FakeModel& m) { m.Misalign(kBias); },
         "the bias is not aligned to 4 bytes in the file."},
    });
  }
}

TEST(ClaimFormsTest, LayerShapes) {
  constexpr int kHuge = 1 << 24;
  const Apply huge_lanes = [](FakeModel& m) {
    m.SetDims(kInput, {1, 1, 1, kHuge});
    m.SetDims(kSecond, {8, 4096, 4096, kHuge});
  };
  Check({
      {&ConvModel, WithDims(kInput, {1, 6, 8, 6}),
       "grouped convolution: 6 input channels, 3 in the filter."},
      // Of each group one channel in, and two out; or of one, in and out.
      {&ConvModel,
       [](FakeModel& m) {
         m.SetDims(kInput, {1, 6, 8, 4});
         m.SetInputs({kInput, m.Filled({8, 3, 5, 1}), kBias});
       },
       "grouped convolution: 4 input channels, 1 in the filter."},
      {&ConvModel,
       [](FakeModel& m) {
         m.SetDims(kInput, {1, 6, 8, 8});
         m.SetInputs({kInput, m.Filled({8, 3, 5, 1}), kBias});
       },
       ""},
      {&ConvModel, WithSignature(kInput, {-1, -1, -1, 3}), ""},
      {&ConvModel, WithDims(kSecond, {0, 3, 5, 3}), "the number of output channels is 0"},
      {&ConvModel, WithDims(kSecond, {8, -3, -5, 3}), "kernel height is -3"},
      {&ConvModel, huge_lanes, "weights per output channel is 28147497671065"},
      // 2^32 elements and 12 * 2^30 bytes too many for 32 bits.
      {&ConvModel, WithDims(kSecond, {kHuge, 16, 16, 3}),
       "of 12884901888 elements; it is 1440 bytes long."},
      {&DepthwiseModel, WithDims(kSecond, {1, 3, 3, 8}),
       "the depth multiplier is not 1: 4 input channels, a filter of shape "
       "[1, 3, 3, 8]."},
      {&DepthwiseModel, WithDims(kSecond, {2, 3, 3, 4}), "depth multiplier"},
      {&DenseModel, WithDims(kInput, {1, 14}),
       "the input has shape [1, 14], expected rows of 7 elements."},
      {&DenseModel, WithDims(kInput, {2, 3, 7}), ""},
      {&DenseModel, WithDims(kInput, {1, 1, 1, 7}), ""},
      {&DenseModel, WithSignature(kInput, {-1, -1}), "[-1, -1]"},
      {&DenseModel, WithDims(kSecond, {5, 7, 1}), "expected 2 dimensions."},
  });
}

TEST(ClaimFormsTest, Mean) {
  Check({
      {&MeanModel, WithInts({2, 1}), ""},
      {&MeanModel, WithInts({-3, -2}), ""},
      {&MeanModel, WithInts({1, -2}), ""},
      {&MeanModel, WithInts({1, 1}), "MEAN over the axes [1, 1]"},
      {&MeanModel, WithInts({2, 3}), ""},
      {&MeanModel, WithInts({-1, -2}), ""},
      {&MeanModel, WithInts({1, 3}), "MEAN over the axes [1, 3]"},
      {&MeanModel, WithInts({0, 3}), "MEAN over the axes [0, 3]"},
      {&MeanModel, WithInts({-2147483647 - 1, 2147483647}), "[-2147483648, "},
      {&MeanModel, WithInts({3}), "the list of axes must be a constant int32"},
      {&MeanModel, WithTensor(kSecond, &TfLiteTensor::allocation_type, kTfLiteArenaRw),
       "it is not constant."},
  });
}

TEST(ClaimFormsTest, Pad) {
  Check({
      {&PadModel, WithInts({0, 0, 0, 0, 0, 0, 0, 0}), ""},
      {&PadModel, WithInts({1, 0, 1, 1, 1, 1, 0, 0}),
       "PAD of batch or channels by [1, 0, 1, 1, 1, 1, 0, 0]."},
      {&PadModel, WithInts({0, 0, 1, 1, 1, 1, 0, 2}), "batch or channels"},
      {&PadModel, WithInts({0, 0, 1, -1, 1, 1, 0, 0}), "the padding is -1"},
      {&PadModel, WithInts({0, 0, 1, 1, 2147483647, 1, 0, 0}), "the padding is 2147483647"},
      {&PadModel, WithInts({1, 1, 1, 1}), "must be a constant int32 tensor"},
      {&PadModel, WithTensor(kSecond, &TfLiteTensor::type, kTfLiteInt64), "it is int64."},
  });
}

TEST(ClaimFormsTest, PadV2) {
  const auto with_value = [](const std::vector<float>& values) {
    return [=](FakeModel& m) { m.SetInputs({kInput, kSecond, m.Floats(values)}); };
  };
  const auto with_pads = [](const std::vector<int32_t>& pads) {
    return [=](FakeModel& m) { m.SetInputs({kInput, m.Ints(pads), kBias}); };
  };
  const Apply without_value = [](FakeModel& m) { m.SetInputs({kInput, kSecond, -1}); };
  Check({
      {&PadV2Model, with_value({0.5f}), ""},
      {&PadV2Model, WithDims(kBias, {1, 1}), ""},
      {&PadV2Model, with_value({0.5f, 0.5f}),
       "the padding value must be a constant float32 tensor of 1 elements; it is 8 bytes long."},
      {&PadV2Model, with_value({}), "it is 0 bytes long."},
      {&PadV2Model, without_value, "the padding value is missing."},
      {&PadV2Model, WithTensor(kBias, &TfLiteTensor::type, kTfLiteInt32), "it is int32."},
      {&PadV2Model, WithTensor(kBias, &TfLiteTensor::allocation_type, kTfLiteArenaRw),
       "it is not constant."},
      {&PadV2Model, with_pads({0, 1, 1, 1, 1, 1, 0, 0}), "batch or channels"},
      {&PadV2Model, with_pads({0, 0, 1, -1, 1, 1, 0, 0}), "the padding is -1"},
      {&PadV2Model, WithInts({0, 0, 1, 1, 1, 1, 0, 0}), "the number of inputs is 2"},
  });
}

TEST(ClaimFormsTest, ResizesAndBlocks) {
  using Resize = builtin::ResizeParams;
  using Block = builtin::BlockParams;
  const Apply both = [](FakeModel& m) { m.params<Resize>() = {1, 255}; };
  Check({
      {&ResizeBilinearModel, With(&Resize::half_pixel_centers, 0), ""},
      {&ResizeBilinearModel, both, "both aligned corners and half-pixel centers"},
      {&ResizeNearestModel, both, "both aligned corners and half-pixel centers"},
      {&ResizeNearestModel, WithInts({1, 1}), ""},
      {&ResizeNearestModel, WithInts({0, 1}), "the height of the output is 0"},
      {&ResizeNearestModel, WithInts({1, -4}), "the width of the output is -4"},
      {&ResizeBilinearModel, WithInts({3}), "the size must be a constant int32 tensor"},
      {&ResizeBilinearModel, WithTensor(kSecond, &TfLiteTensor::allocation_type, kTfLiteArenaRw),
       "the size must be a constant int32 tensor"},
      {&DepthToSpaceModel, With(&Block::block_size, 1), ""},
      {&DepthToSpaceModel, With(&Block::block_size, 0), "the block size is 0"},
      {&SpaceToDepthModel, With(&Block::block_size, 2147483647), "the block size is 2147483647"},
  });
}

TEST(ClaimFormsTest, TransposeConv) {
  using Transposed = builtin::TransposeConvParams;
  const auto with_shape = [](const std::vector<int32_t>& shape) {
    return [=](FakeModel& m) { m.SetInputs({m.Ints(shape), kSecond, kInput, kBias}); };
  };
  const Apply without_shape = [](FakeModel& m) { m.SetInputs({-1, kSecond, kInput, kBias}); };
  Check({
      {&TransposeConvModel, With(&Transposed::padding, builtin::Padding::kValid), ""},
      {&TransposeConvModel,
       [](FakeModel& m) {
         m.SetInputs({4, kSecond, kInput});
       },
       ""},
      {&TransposeConvModel, WithDims(kOutput, {1, 11, 15, 4}), "but the output has shape"},
      {&TransposeConvModel, With(&Transposed::padding, builtin::Padding::kUnknown),
       "neither SAME nor VALID"},
      {&TransposeConvModel, With(&Transposed::stride_h, 0), "the stride of the height is 0"},
      {&TransposeConvModel, With(&Transposed::stride_w, 4097), "the stride of the width is 4097"},
      {&TransposeConvModel, With(&Transposed::stride_h, 3),
       "the input height is 6, expected 4 for an output of 12."},
      {&TransposeConvModel,
       [](FakeModel& m) {
         m.params<Transposed>().stride_h = m.params<Transposed>().stride_w = 16;
         m.SetDims(kInput, {1, 1, 1, 3});
       },
       "a kernel of 2 x 2 is too small for strides of 16 x 16."},
      {&TransposeConvModel, With(&Transposed::activation, A::kTanh),
       "the fused activation is TANH"},
      {&TransposeConvModel, WithDims(kSecond, {4, 2, 2, 2}), "a filter of shape [4, 2, 2, 2]"},
      {&TransposeConvModel, WithDims(kOutput, {1, 12, 16, 5}), "to [1, 12, 16, 5]"},
      {&TransposeConvModel, WithSignature(kInput, {1, -1, 8, 3}), "the input height is -1"},
      {&TransposeConvModel, with_shape({1, 12, 15, 4}), "the output shape is [1, 12, 15, 4]"},
      {&TransposeConvModel, with_shape({1, 12, 16}), "the output shape must be a constant int32"},
      {&TransposeConvModel, without_shape, "the output shape is missing"},
      // A shape that other nodes compute: shape_nodes_test.cc.
      {&TransposeConvModel, WithTensor(4, &TfLiteTensor::allocation_type, kTfLiteArenaRw), ""},
  });
}

TEST(ClaimFormsTest, Transpose) {
  Check({
      {&TransposeModel, WithInts({0, 3, 1, 2}), ""},
      {&TransposeModel, WithInts({0, 2, 1, 3}),
       "TRANSPOSE to the order [0, 2, 1, 3], which moves other axes than the channels."},
      {&TransposeModel, WithInts({0, 2, 3, -1}), "TRANSPOSE to the order [0, 2, 3, -1]"},
      {&TransposeModel, WithInts({2, 0, 1}), "the order of axes must be a constant int32"},
      {&TransposeModel, WithTensor(kSecond, &TfLiteTensor::type, kTfLiteInt64), "it is int64."},
      {&TransposeModel, WithTensor(kSecond, &TfLiteTensor::allocation_type, kTfLiteArenaRw),
       "it is not constant."},
  });
}

TEST(ClaimFormsTest, Reshape) {
  const Apply backwards = [](FakeModel& m) {
    m.SetDims(kInput, {2, 4});
    m.SetDims(kOutput, {2, 1, 1, 4});
    m.SetInputs({kInput, m.Ints({-1, 1, 1, 4})});
  };
  const Apply channels_first = [](FakeModel& m) {
    m.SetDims(kInput, {2, 4});
    m.SetDims(kOutput, {2, 4, 1, 1});
    m.SetInputs({kInput, m.Ints({-1, 4, 1, 1})});
  };
  Check({
      {&ReshapeModel, backwards, ""},
      {&ReshapeModel, [](FakeModel& m) { m.SetInputs({kInput}); }, ""},
      // A shape that other nodes compute: shape_nodes_test.cc.
      {&ReshapeModel, WithTensor(kSecond, &TfLiteTensor::allocation_type, kTfLiteArenaRw), ""},
      {&ReshapeModel, WithInts({2, -1}), "RESHAPE to [2, -1]."},
      {&ReshapeModel, WithInts({-3, 4}), "RESHAPE to [-3, 4]."},
      {&ReshapeModel, WithInts({-1, -1}), "RESHAPE to [-1, -1]."},
      {&ReshapeModel,
       [](FakeModel& m) {
         m.SetInputs({kInput});
         m.params<builtin::ReshapeParams>().num_sizes = 9;
       },
       "the number of sizes is 9"},
      {&ReshapeModel, WithInts({4}), "the shape must be a constant int32"},
      {&ReshapeModel, WithDims(kInput, {2, 4, 1, 1}), ""},
      {&ReshapeModel, channels_first, ""},
      {&ReshapeModel, WithDims(kInput, {2, 4, 1, 2}), "RESHAPE of [2, 4, 1, 2] to [2, 4]."},
      {&ReshapeModel, WithDims(kInput, {2, 1, 2, 2}), "RESHAPE of [2, 1, 2, 2] to [2, 4]."},
      {&ReshapeModel, WithSignature(kInput, {2, -1, -1, 4}),
       "RESHAPE of [2, -1, -1, 4] to [2, 4]."},
      {&ReshapeModel, WithDims(kInput, {1, 1, 1, 8}), "RESHAPE of"},
      {&ReshapeModel, WithDims(kOutput, {8}), "RESHAPE of"},
      {&ReshapeModel, WithDims(kInput, {2, 4}), "RESHAPE of"},
  });
}

}  // namespace
}  // namespace ubp
