// SPDX-License-Identifier: Apache-2.0
// The attributes of the custom ops UbpConv2D, UbpTransposeConv2D and UbpFullyConnected: what their custom_options hold,
// read and checked.
//
// docs/packed-format.md lists every key and its range.
#ifndef UBP_DELEGATE_FORMAT_ATTRIBUTES_H_
#define UBP_DELEGATE_FORMAT_ATTRIBUTES_H_

#include <cstddef>
#include <cstdint>

#include "delegate/base/status.h"
#include "delegate/format/constants.h"

namespace ubp {

enum class OpKind { kConv2D, kFullyConnected, kTransposeConv2D };

// Numbers as in the file.
enum class ValueType {
  kFloat32 = constants::kValueTypeF32,
  kFloat16 = constants::kValueTypeF16,
  kBfloat16 = constants::kValueTypeBF16,
  kInt8 = constants::kValueTypeI8,  // times a scale of the output channel
};
enum class Activation {
  kNone = constants::kActivationNone,
  kRelu = constants::kActivationRelu,
  kReluN1To1 = constants::kActivationReluN1To1,
  kRelu6 = constants::kActivationRelu6,
};
enum class Padding {
  kSame = constants::kPaddingSame,
  kValid = constants::kPaddingValid,
};

// What a layer may have, whether its attributes come from a packed layer or from a builtin operator.
using constants::kMaxChannels;
using constants::kMaxLanes;
using constants::kMaxWindow;  // kernel, stride, dilation, padding

using constants::kConv2DName;
using constants::kFullyConnectedName;
using constants::kTransposeConvName;

// Pixels added around an image, or left out there.
struct Pads {
  int top = 0;
  int bottom = 0;
  int left = 0;
  int right = 0;
};

// The custom op's name in the model file.
const char* OpName(OpKind kind);

// A transposed convolution is one of stride 1 without padding of its own, over its input with `pads` of
// zeros around it, that computes all pixels of a block of block_h x block_w as channels of one;
// `crop` is left out where the blocks lie.
//
// A fully-connected layer is a 1x1 convolution over its rows: kernel, stride and dilation are 1,
// padding is VALID.
struct LayerAttributes {
  OpKind kind = OpKind::kConv2D;
  int block_size = 1;   // output channels of a block
  int block_lanes = 1;  // lanes of a block: 1, or 4 of one tap, the first a multiple of 4
  int in_channels = 1;
  int out_channels = 1;
  int num_blocks = 0;
  ValueType value_type = ValueType::kFloat32;
  Activation activation = Activation::kNone;
  int kernel_h = 1;
  int kernel_w = 1;
  int stride_h = 1;
  int stride_w = 1;
  int dilation_h = 1;
  int dilation_w = 1;
  Padding padding = Padding::kValid;
  bool keep_num_dims = false;
  int block_h = 1;
  int block_w = 1;
  Pads pads;
  Pads crop;
  uint32_t bias_checksum = 0;
  uint32_t checksum = 0;
  // CRC-32 of the op's name and of all attributes but `checksum`; the packed buffer continues it.
  uint32_t attributes_crc = 0;

  int taps() const { return kernel_h * kernel_w; }
  bool unit_stride() const { return stride_h == 1 && stride_w == 1; }
  int lanes() const { return taps() * in_channels; }
  // What the section `lanes` counts: lanes, or groups of block_lanes of them.
  int lane_groups() const { return lanes() / block_lanes; }
  int num_starts() const { return out_channels - block_size + 1; }
};

// Reads `size` bytes of custom_options. On an error *attributes is unspecified and the message
// names the field.
Status ReadAttributes(OpKind kind, const uint8_t* options, size_t size,
                      LayerAttributes* attributes);

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_ATTRIBUTES_H_
