// SPDX-License-Identifier: Apache-2.0
#include "delegate/format/attributes.h"

#include <algorithm>
#include <string>
#include <vector>

#include "delegate/format/constants.h"
#include "delegate/format/crc32.h"
#include "flatbuffers/flexbuffers.h"

namespace ubp {
namespace {

using constants::kMaxQuadBlockSize;
using constants::kValueTypeI8;
using constants::kVersion;

constexpr int64_t kInt8Version = 2;  // the first that has int8 values
constexpr int64_t kQuadLanes = 4;

// The values of all keys an op may have, in the file's integer form.
struct RawAttributes {
  int64_t activation, bias_checksum, block_size, checksum, in_channels, num_blocks, out_channels,
      value_type, version;
  int64_t dilation_h = 1, dilation_w = 1, kernel_h = 1, kernel_w = 1, padding = 1, stride_h = 1,
          stride_w = 1;
  int64_t keep_num_dims = 0;
  int64_t block_lanes = 1;
  int64_t block_h = 1, block_w = 1;
  int64_t crop_bottom = 0, crop_left = 0, crop_right = 0, crop_top = 0;
  int64_t pad_bottom = 0, pad_left = 0, pad_right = 0, pad_top = 0;
};

struct Key {
  const char* name;
  int64_t RawAttributes::*field;
  int64_t min;
  int64_t max;
  int64_t since;  // the first version that has the key
};

#define UBP_KEY(name, least, most, since) {#name, &RawAttributes::name, least, most, since},
constexpr Key kConv2DKeys[] = {UBP_CONV_2D_ATTRIBUTES(UBP_KEY)};
constexpr Key kFullyConnectedKeys[] = {UBP_FULLY_CONNECTED_ATTRIBUTES(UBP_KEY)};
constexpr Key kTransposeConv2DKeys[] = {UBP_TRANSPOSE_CONV_ATTRIBUTES(UBP_KEY)};
#undef UBP_KEY

struct KeyList {
  const Key* keys;
  size_t size;
};

KeyList KeysOf(OpKind kind) {
  switch (kind) {
    case OpKind::kConv2D:
      return {kConv2DKeys, std::size(kConv2DKeys)};
    case OpKind::kTransposeConv2D:
      return {kTransposeConv2DKeys, std::size(kTransposeConv2DKeys)};
    case OpKind::kFullyConnected:
      break;
  }
  return {kFullyConnectedKeys, std::size(kFullyConnectedKeys)};
}

uint32_t ExtendByUint32(uint32_t crc, uint32_t value) {
  const uint8_t bytes[4] = {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8),
                            static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 24)};
  return Crc32(crc, bytes, sizeof(bytes));
}

// The version is looked at first: a newer file may have other keys.
Status ReadVersion(const flexbuffers::Map& map, int64_t* version) {
  const flexbuffers::Reference value = map["version"];
  if (!value.IsIntOrUint())
    return Status::Error("the attribute 'version' is missing or not an integer.");
  *version = value.AsInt64();
  if (*version < 1 || *version > kVersion) {
    return Status::Error("the packed format has version " + std::to_string(*version) +
                         ", this delegate reads versions 1 to " + std::to_string(kVersion) +
                         "; use the delegate of the release that converted the model.");
  }
  return Status::Ok();
}

size_t CountKeys(const KeyList& list, int64_t version) {
  return std::count_if(list.keys, list.keys + list.size,
                       [&](const Key& key) { return key.since <= version; });
}

Status ReadRaw(OpKind kind, const flexbuffers::Map& map, RawAttributes* raw, uint32_t* crc) {
  int64_t version = 0;
  UBP_RETURN_IF_ERROR(ReadVersion(map, &version));
  const KeyList list = KeysOf(kind);
  const size_t expected = CountKeys(list, version);
  if (map.size() != expected) {
    return Status::Error("custom_options hold " + std::to_string(map.size()) +
                         " attributes, expected " + std::to_string(expected) + ".");
  }
  *crc = Crc32(0, OpName(kind), std::string(OpName(kind)).size());
  for (size_t i = 0; i < list.size; ++i) {
    const Key& key = list.keys[i];
    if (key.since > version) continue;
    const flexbuffers::Reference value = map[key.name];
    const std::string quoted = std::string("the attribute '") + key.name + "'";
    if (!value.IsIntOrUint()) return Status::Error(quoted + " is missing or not an integer.");
    const int64_t number = value.AsInt64();
    if (number < key.min || number > key.max) {
      return Status::Error(quoted + " is " + std::to_string(number) + ", expected " +
                           std::to_string(key.min) + " to " + std::to_string(key.max) + ".");
    }
    raw->*key.field = number;
    if (key.field != &RawAttributes::checksum)
      *crc = ExtendByUint32(*crc, static_cast<uint32_t>(number));
  }
  return Status::Ok();
}

// Version 2 has int8 values, in blocks of one lane or of 4; version 1 has all other types.
Status CheckStorage(const RawAttributes& raw) {
  const bool is_int8 = raw.value_type == kValueTypeI8;
  if (is_int8 != (raw.version >= kInt8Version)) {
    return Status::Error("the attribute 'value_type' is " + std::to_string(raw.value_type) +
                         ", expected " + (is_int8 ? "0 to 2" : "3") + " in version " +
                         std::to_string(raw.version) + ".");
  }
  if (raw.block_lanes == 1) return Status::Ok();
  if (raw.block_lanes != kQuadLanes) {
    return Status::Error("the attribute 'block_lanes' is " + std::to_string(raw.block_lanes) +
                         ", expected 1 or 4.");
  }
  if (raw.in_channels % kQuadLanes != 0) {
    return Status::Error("the attribute 'in_channels' is " + std::to_string(raw.in_channels) +
                         ", expected a multiple of 4 for blocks of 4 lanes.");
  }
  if (raw.block_size > kMaxQuadBlockSize) {
    return Status::Error("the attribute 'block_size' is " + std::to_string(raw.block_size) +
                         ", expected at most " + std::to_string(kMaxQuadBlockSize) +
                         " for blocks of 4 lanes.");
  }
  return Status::Ok();
}

Status CheckCombinations(const RawAttributes& raw) {
  UBP_RETURN_IF_ERROR(CheckStorage(raw));
  const int64_t n = raw.block_size;
  if ((n & (n - 1)) != 0) {
    return Status::Error("the attribute 'block_size' is " + std::to_string(n) +
                         ", expected 1, 2, 4, 8 or 16.");
  }
  if (n > raw.out_channels) {
    return Status::Error("the attribute 'block_size' is " + std::to_string(n) + ", more than the " +
                         std::to_string(raw.out_channels) + " output channels.");
  }
  const int64_t lanes = raw.kernel_h * raw.kernel_w * raw.in_channels;
  if (lanes > kMaxLanes) {
    return Status::Error("kernel_h * kernel_w * in_channels is " + std::to_string(lanes) +
                         ", expected at most " + std::to_string(kMaxLanes) + ".");
  }
  if (raw.out_channels % (raw.block_h * raw.block_w) != 0) {
    return Status::Error("the attribute 'out_channels' is " + std::to_string(raw.out_channels) +
                         ", no multiple of block_h * block_w, " +
                         std::to_string(raw.block_h * raw.block_w) + ".");
  }
  const int64_t max_blocks = lanes / raw.block_lanes * (raw.out_channels - n + 1);
  if (raw.num_blocks > max_blocks) {
    return Status::Error("the attribute 'num_blocks' is " + std::to_string(raw.num_blocks) +
                         ", more than the " + std::to_string(max_blocks) + " places there are.");
  }
  return Status::Ok();
}

Pads MarginsOf(int64_t top, int64_t bottom, int64_t left, int64_t right) {
  return {static_cast<int>(top), static_cast<int>(bottom), static_cast<int>(left),
          static_cast<int>(right)};
}

LayerAttributes FromRaw(OpKind kind, const RawAttributes& raw, uint32_t crc) {
  LayerAttributes out;
  out.kind = kind;
  out.block_size = static_cast<int>(raw.block_size);
  out.block_lanes = static_cast<int>(raw.block_lanes);
  out.in_channels = static_cast<int>(raw.in_channels);
  out.out_channels = static_cast<int>(raw.out_channels);
  out.num_blocks = static_cast<int>(raw.num_blocks);
  out.value_type = static_cast<ValueType>(raw.value_type);
  out.activation = static_cast<Activation>(raw.activation);
  out.kernel_h = static_cast<int>(raw.kernel_h);
  out.kernel_w = static_cast<int>(raw.kernel_w);
  out.stride_h = static_cast<int>(raw.stride_h);
  out.stride_w = static_cast<int>(raw.stride_w);
  out.dilation_h = static_cast<int>(raw.dilation_h);
  out.dilation_w = static_cast<int>(raw.dilation_w);
  out.padding = static_cast<Padding>(raw.padding);
  out.keep_num_dims = raw.keep_num_dims != 0;
  out.block_h = static_cast<int>(raw.block_h);
  out.block_w = static_cast<int>(raw.block_w);
  out.pads = MarginsOf(raw.pad_top, raw.pad_bottom, raw.pad_left, raw.pad_right);
  out.crop = MarginsOf(raw.crop_top, raw.crop_bottom, raw.crop_left, raw.crop_right);
  out.bias_checksum = static_cast<uint32_t>(raw.bias_checksum);
  out.checksum = static_cast<uint32_t>(raw.checksum);
  out.attributes_crc = crc;
  return out;
}

}  // namespace

const char* OpName(OpKind kind) {
  if (kind == OpKind::kTransposeConv2D) return kTransposeConvName;
  return kind == OpKind::kConv2D ? kConv2DName : kFullyConnectedName;
}

Status ReadAttributes(OpKind kind, const uint8_t* options, size_t size,
                      LayerAttributes* attributes) {
  // FlexBuffers reads numbers of up to 8 bytes where they lie, and takes the buffer for aligned; a
  // model file may have it anywhere.
  std::vector<uint8_t> aligned;
  if (options != nullptr) aligned.assign(options, options + size);
  std::vector<uint8_t> reuse_tracker;
  if (!flexbuffers::VerifyBuffer(aligned.data(), aligned.size(), &reuse_tracker)) {
    return Status::Error(
        "custom_options are not a FlexBuffers value; the file is damaged or was not written by ubp "
        "convert.");
  }
  const flexbuffers::Reference root = flexbuffers::GetRoot(aligned.data(), aligned.size());
  if (!root.IsMap()) return Status::Error("custom_options are not a FlexBuffers map.");
  RawAttributes raw{};
  uint32_t crc = 0;
  UBP_RETURN_IF_ERROR(ReadRaw(kind, root.AsMap(), &raw, &crc));
  UBP_RETURN_IF_ERROR(CheckCombinations(raw));
  *attributes = FromRaw(kind, raw, crc);
  return Status::Ok();
}

}  // namespace ubp
