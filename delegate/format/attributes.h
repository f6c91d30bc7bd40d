// The attributes of the custom ops UbpConv2D and UbpFullyConnected: what their custom_options hold,
// read and checked.
//
// docs/packed-format.md lists every key and its range.
#ifndef UBP_DELEGATE_FORMAT_ATTRIBUTES_H_
#define UBP_DELEGATE_FORMAT_ATTRIBUTES_H_

#include <cstddef>
#include <cstdint>

#include "delegate/base/status.h"

namespace ubp {

enum class OpKind { kConv2D, kFullyConnected };

// Numbers as in the file.
enum class ValueType { kFloat32 = 0, kFloat16 = 1, kBfloat16 = 2 };
enum class Activation { kNone = 0, kRelu = 1, kReluN1To1 = 2, kRelu6 = 3 };
enum class Padding { kSame = 0, kValid = 1 };

// What a layer may have, whether its attributes come from a packed layer or from a builtin operator.
inline constexpr int kMaxChannels = 1 << 24;
inline constexpr int kMaxWindow = 1 << 12;  // kernel, stride, dilation, padding
inline constexpr int kMaxLanes = 0x7FFFFFFF;

inline constexpr char kConv2DName[] = "UbpConv2D";
inline constexpr char kFullyConnectedName[] = "UbpFullyConnected";

// The custom op's name in the model file.
const char* OpName(OpKind kind);

// A fully-connected layer is a 1x1 convolution over its rows: kernel, stride and dilation are 1,
// padding is VALID.
struct LayerAttributes {
  OpKind kind = OpKind::kConv2D;
  int block_size = 1;
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
  uint32_t bias_checksum = 0;
  uint32_t checksum = 0;
  // CRC-32 of the op's name and of all attributes but `checksum`; the packed buffer continues it.
  uint32_t attributes_crc = 0;

  int lanes() const { return kernel_h * kernel_w * in_channels; }
  int num_starts() const { return out_channels - block_size + 1; }
};

// Reads `size` bytes of custom_options. On an error *attributes is unspecified and the message
// names the field.
Status ReadAttributes(OpKind kind, const uint8_t* options, size_t size,
                      LayerAttributes* attributes);

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_ATTRIBUTES_H_
