// SPDX-License-Identifier: Apache-2.0
// The parameters of TFLite's builtin operators that the delegate reads, as
// TfLiteNode::builtin_data points to them.
//
// The headers that are published with the runtime lack c/builtin_op_data.h, so
// the structs are declared here: the fields that float32 operators use, under
// our names, at the places where the runtimes have them (TFLite 2.16 to 2.21
// and LiteRT). A runtime only ever appends fields to such a struct (as it did
// for quantised biases), so what is declared is a prefix of what it holds: read
// it through a pointer, never copy a struct as a whole into the runtime.
#ifndef UBP_DELEGATE_TFLITE_MODEL_BUILTIN_PARAMS_H_
#define UBP_DELEGATE_TFLITE_MODEL_BUILTIN_PARAMS_H_

#include <cstddef>
#include <cstdint>

namespace ubp::builtin {

// Numbers as in the runtime, where they are C enums of the size of int. Those
// of the padding differ from a model file's.
enum class Padding : int32_t { kUnknown = 0, kSame = 1, kValid = 2 };
enum class Activation : int32_t {
  kNone = 0,
  kRelu = 1,
  kReluN1To1 = 2,
  kRelu6 = 3,
  kTanh = 4,
  kSignBit = 5,
  kSigmoid = 6
};
enum class WeightsFormat : int32_t { kDefault = 0, kShuffled4x16Int8 = 1 };

struct Conv2DParams {
  Padding padding;
  int32_t stride_w;
  int32_t stride_h;
  Activation activation;
  int32_t dilation_w;
  int32_t dilation_h;
};

struct TransposeConvParams {
  Padding padding;
  int32_t stride_w;
  int32_t stride_h;
  Activation activation;
};

struct DepthwiseConv2DParams {
  Padding padding;
  int32_t stride_w;
  int32_t stride_h;
  int32_t depth_multiplier;  // may be wrong: the shapes say what it is
  Activation activation;
  int32_t dilation_w;
  int32_t dilation_h;
};

// A bool of the runtime's, whose byte a damaged model may have made anything: other than 0 and 1 no
// bool may be. True if it is not 0.
using Flag = uint8_t;

struct FullyConnectedParams {
  Activation activation;
  WeightsFormat weights_format;
  Flag keep_num_dims;
};

struct ArithmeticParams {  // ADD, SUB and MUL
  Activation activation;
};

struct ConcatenationParams {
  int32_t axis;
  Activation activation;
};

struct SoftmaxParams {
  float beta;
};

struct LeakyReluParams {
  float alpha;
};

struct GeluParams {
  Flag approximate;
};

struct Pool2DParams {
  Padding padding;
  int32_t stride_w;
  int32_t stride_h;
  int32_t filter_w;
  int32_t filter_h;
  Activation activation;
};

struct MeanParams {
  Flag keep_dims;
};

struct ReshapeParams {
  int32_t sizes[8];
  int32_t num_sizes;
};

// Of both kinds of RESIZE. A runtime's bools: see Flag.
struct ResizeParams {
  Flag align_corners;
  Flag half_pixel_centers;
};

struct BlockParams {  // DEPTH_TO_SPACE and SPACE_TO_DEPTH
  int32_t block_size;
};

struct StridedSliceParams {
  int32_t begin_mask;
  int32_t end_mask;
  int32_t ellipsis_mask;
  int32_t new_axis_mask;
  int32_t shrink_axis_mask;
};

static_assert(sizeof(int) == sizeof(int32_t) && sizeof(bool) == 1,
              "the runtime's structs are made of int, int-sized enums, bool");

static_assert(offsetof(Conv2DParams, stride_w) == 4 && offsetof(Conv2DParams, stride_h) == 8 &&
              offsetof(Conv2DParams, activation) == 12 &&
              offsetof(Conv2DParams, dilation_w) == 16 &&
              offsetof(Conv2DParams, dilation_h) == 20 && sizeof(Conv2DParams) == 24);

static_assert(offsetof(DepthwiseConv2DParams, stride_w) == 4 &&
              offsetof(DepthwiseConv2DParams, stride_h) == 8 &&
              offsetof(DepthwiseConv2DParams, depth_multiplier) == 12 &&
              offsetof(DepthwiseConv2DParams, activation) == 16 &&
              offsetof(DepthwiseConv2DParams, dilation_w) == 20 &&
              offsetof(DepthwiseConv2DParams, dilation_h) == 24 &&
              sizeof(DepthwiseConv2DParams) == 28);

static_assert(offsetof(FullyConnectedParams, activation) == 0 &&
              offsetof(FullyConnectedParams, weights_format) == 4 &&
              offsetof(FullyConnectedParams, keep_num_dims) == 8 &&
              sizeof(FullyConnectedParams) == 12);

static_assert(offsetof(TransposeConvParams, stride_h) == 8 && sizeof(TransposeConvParams) == 16);

static_assert(sizeof(ArithmeticParams) == 4);

static_assert(offsetof(ConcatenationParams, axis) == 0 &&
              offsetof(ConcatenationParams, activation) == 4 && sizeof(ConcatenationParams) == 8);

static_assert(sizeof(SoftmaxParams) == 4 && sizeof(LeakyReluParams) == 4);

static_assert(offsetof(Pool2DParams, stride_w) == 4 && offsetof(Pool2DParams, stride_h) == 8 &&
              offsetof(Pool2DParams, filter_w) == 12 && offsetof(Pool2DParams, filter_h) == 16 &&
              offsetof(Pool2DParams, activation) == 20 && sizeof(Pool2DParams) == 24);

static_assert(sizeof(ResizeParams) == 2 && sizeof(BlockParams) == 4);

static_assert(sizeof(MeanParams) == 1 && sizeof(GeluParams) == 1);

static_assert(offsetof(ReshapeParams, num_sizes) == 32 && sizeof(ReshapeParams) == 36);

static_assert(offsetof(StridedSliceParams, shrink_axis_mask) == 16 &&
              sizeof(StridedSliceParams) == 20);

}  // namespace ubp::builtin

#endif  // UBP_DELEGATE_TFLITE_MODEL_BUILTIN_PARAMS_H_
