// SPDX-License-Identifier: Apache-2.0
// The operators, one struct each: what a kind of op has beside its tensors, what holds for all ops of
// the kind, and the shape of what it writes.
#ifndef UBP_DELEGATE_GRAPH_OPS_H_
#define UBP_DELEGATE_GRAPH_OPS_H_

#include <limits>
#include <variant>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/channel_scale.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/graph/dims.h"
#include "delegate/graph/elementwise_function.h"
#include "delegate/graph/layer_weights.h"
#include "delegate/graph/quantization.h"

namespace ubp {

// A number for each kind; of pooling and arithmetic, one for each function.
enum class OpType {
  kConv2D,
  kFullyConnected,
  kDepthwiseConv2D,
  kMaxPool2D,
  kAveragePool2D,
  kMean,
  kPad,
  kReshape,
  kConcatenation,
  kSoftmax,
  kLayerNorm,
  kAdd,
  kSub,
  kMul,
  kClamp,
  kFunction,
  kResize,
  kDepthToSpace,
  kSpaceToDepth,
  kTransposeConv2D,
  kRequantize,
  kTranspose
};

// What holds for a kind unless its struct says otherwise.
struct OpTraits {
  static constexpr bool kHasWindow = false;  // over height and width: its `attributes` say which
  static constexpr bool kIsElementwise = false;
  static constexpr bool kHasActivation = false;  // may have one fused
  static constexpr bool kTakesFunction = false;  // one may be computed behind its activation
};

// What a kind needs to infer its output from. `padded` are zeros around the first input beside the
// op's own padding, which is then VALID: of ops with a window only.
struct InferInputs {
  const std::vector<Dims>& dims;  // of each input
  const Pads& padded;
};

// Infer() fails when the inputs do not suit the op, where TensorFlow Lite's own op would fail or give
// something else. It sets `shape` where the kind has a window, or is a fully-connected layer, which
// becomes a convolution of [rows, 1, 1, in_channels].

// Block-sparse or dense.
struct Conv2DOp : OpTraits {
  static constexpr bool kHasWindow = true;
  static constexpr bool kHasActivation = true;
  static constexpr bool kTakesFunction = true;
  LayerWeights layer;

  OpType type() const { return OpType::kConv2D; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// Likewise.
struct FullyConnectedOp : OpTraits {
  static constexpr bool kHasActivation = true;
  static constexpr bool kTakesFunction = true;
  LayerWeights layer;

  OpType type() const { return OpType::kFullyConnected; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// Of depth multiplier 1: in and out channels are equal.
struct DepthwiseConv2DOp : OpTraits {
  static constexpr bool kHasWindow = true;
  static constexpr bool kHasActivation = true;
  static constexpr bool kTakesFunction = true;
  LayerAttributes attributes;
  const float* weights = nullptr;  // [kernel_h, kernel_w, channels], which the graph keeps
  const float* bias = nullptr;     // [channels], or null
  Int8Weights int8;                // in place of both, of an int8 op

  OpType type() const { return OpType::kDepthwiseConv2D; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

enum class PoolKind {
  kMax,     // padding of its own is ignored
  kAverage  // likewise, and does not count
};

struct Pool2DOp : OpTraits {
  static constexpr bool kHasWindow = true;
  static constexpr bool kHasActivation = true;
  static constexpr bool kTakesFunction = true;
  PoolKind kind = PoolKind::kMax;
  LayerAttributes attributes = WithoutChannels();

  static LayerAttributes WithoutChannels();  // in_channels and out_channels are 0
  OpType type() const {
    return kind == PoolKind::kMax ? OpType::kMaxPool2D : OpType::kAveragePool2D;
  }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// Over height and width.
struct MeanOp : OpTraits {
  bool keep_dims = false;  // output [batch, 1, 1, channels]
  // Of [batch, channels, height, width], kept as [batch, channels, 1, 1]: is lowered (lower_means.h).
  bool channels_first = false;

  OpType type() const { return OpType::kMean; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// A number around height and width.
struct PadOp : OpTraits {
  Pads pads;
  // Of an int8 op in steps of its scale, of which none leads below the least int8.
  float value = 0.0f;

  // Whether no number is less, so that a maximum is the same without it.
  bool is_least() const { return value <= std::numeric_limits<float>::lowest(); }
  OpType type() const { return OpType::kPad; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// In place of sizes in ReshapeOp: what the others leave, and the size of an axis of the input.
inline constexpr int kRestOfElements = -1;
constexpr int OfInput(int axis) { return -2 - axis; }

struct ReshapeOp : OpTraits {
  Dims dims;  // sizes, kRestOfElements once at most, or OfInput()

  OpType type() const { return OpType::kReshape; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

struct ConcatenationOp : OpTraits {
  int axis = -1;  // negative from the last one on

  OpType type() const { return OpType::kConcatenation; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// Over the last axis.
struct SoftmaxOp : OpTraits {
  float beta = 1.0f;  // factor of the exponents

  OpType type() const { return OpType::kSoftmax; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// Over the last axis: of the channels x of a pixel, whose mean and variance are its own,
//
//   (x - mean) / sqrt(variance + epsilon) * scale + offset
struct LayerNormOp : OpTraits {
  static constexpr bool kHasActivation = true;
  int rank = 0;           // of the input
  float epsilon = 0.0f;   // a normal number above zero
  ChannelScale channels;  // scale and offset

  OpType type() const { return OpType::kLayerNorm; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// The operand of an elementwise op that is constant: a number for each channel, or one for all.
struct ConstantOperand {
  const float* values = nullptr;  // [count], in the model; null where no operand is constant
  int count = 0;                  // channels or 1
  int rank = 0;                   // dimensions; the result has as many at least
  bool first = false;             // it is the first operand
};

// The same of an int8 op: one number for all.
struct Int8Constant {
  int8_t value = 0;
  Quantization quantization;
};

// Of two tensors that broadcast, or of a tensor and a constant.
struct ArithmeticOp : OpTraits {
  static constexpr bool kIsElementwise = true;
  static constexpr bool kHasActivation = true;
  Elementwise function = Elementwise::kAdd;  // kAdd, kSubtract or kMultiply
  ConstantOperand constant;                  // without values where it is of int8
  Int8Constant int8 = {};                    // where an int8 op has one input

  OpType type() const;
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// The activation, standing alone.
struct ClampOp : OpTraits {
  static constexpr bool kIsElementwise = true;
  static constexpr bool kHasActivation = true;

  OpType type() const { return OpType::kClamp; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

struct FunctionOp : OpTraits {
  static constexpr bool kIsElementwise = true;
  static constexpr bool kHasActivation = true;
  UnaryFunction function;
  ConstantOperand constant;  // the function's number s, where it is one for each channel, or not

  OpType type() const { return OpType::kFunction; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// Int8 to int8 with another scale or zero point: QUANTIZE of int8.
struct RequantizeOp : OpTraits {
  static constexpr bool kIsElementwise = true;

  OpType type() const { return OpType::kRequantize; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

enum class ResizeKind { kNearest, kBilinear };

// RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR, of height and width.
struct ResizeOp : OpTraits {
  ResizeKind kind = ResizeKind::kNearest;
  int height = 1;  // of the output
  int width = 1;
  bool align_corners = false;       // corner pixels keep their place
  bool half_pixel_centers = false;  // pixels lie half a pixel from the border

  OpType type() const { return OpType::kResize; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// Input [batch, height, width, block_h * block_w * channels], output
// [batch, height * block_h, width * block_w, channels] without the pixels of `crop`: channel
// (y * block_w + x) * channels + c becomes channel c of the pixel y rows below and x columns right of
// the block's first. The last `unused` of a pixel's channels are left out.
struct DepthToSpaceOp : OpTraits {
  int block_h = 1;
  int block_w = 1;
  Pads crop;
  Dims
      output;  // what the model says comes out: sizes, the first of which may be OfInput(0); or empty
  int unused = 0;

  OpType type() const { return OpType::kDepthToSpace; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// DEPTH_TO_SPACE backwards.
struct SpaceToDepthOp : OpTraits {
  int block = 1;

  OpType type() const { return OpType::kSpaceToDepth; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// TRANSPOSE_CONV as what it is made of (lower_transpose_conv.h): a convolution, of stride 1 over the
// input with `pads` of zeros around it, that computes all pixels of a block as channels of one, and
// the blocks laid out.
struct TransposeConv2DOp : OpTraits {
  static constexpr bool kHasActivation = true;
  LayerWeights layer;
  Pads pads;
  DepthToSpaceOp blocks;

  OpType type() const { return OpType::kTransposeConv2D; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

// TRANSPOSE of [batch, channels, height, width] to [batch, height, width, channels], or back.
struct TransposeOp : OpTraits {
  bool to_nhwc = true;

  OpType type() const { return OpType::kTranspose; }
  Status Infer(const InferInputs& inputs, ConvShape* shape, Dims* output) const;
};

using OpDetails = std::variant<Conv2DOp, FullyConnectedOp, DepthwiseConv2DOp, Pool2DOp, MeanOp,
                               PadOp, ReshapeOp, ConcatenationOp, SoftmaxOp, LayerNormOp,
                               ArithmeticOp, ClampOp, FunctionOp, ResizeOp, DepthToSpaceOp,
                               SpaceToDepthOp, TransposeConv2DOp, RequantizeOp, TransposeOp>;

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_OPS_H_
