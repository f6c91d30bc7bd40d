// SPDX-License-Identifier: Apache-2.0
#include "delegate/format/packed_layer.h"

#include <cmath>
#include <cstring>
#include <string>

#include "delegate/format/constants.h"
#include "delegate/format/crc32.h"
#include "delegate/format/half.h"

namespace ubp {
namespace {

using constants::kMaxLeb128Bytes;

size_t BytesPerValue(ValueType type) {
  if (type == ValueType::kInt8) return 1;
  return type == ValueType::kFloat32 ? 4 : 2;
}

uint64_t NumValues(const LayerAttributes& attributes) {
  return uint64_t{1} * attributes.num_blocks * attributes.block_size * attributes.block_lanes;
}

// What the section 'lanes' counts.
const char* LaneNoun(const LayerAttributes& attributes) {
  return attributes.block_lanes == 1 ? "lane" : "group of lanes";
}

Status Bad(const std::string& what) {
  return Status::Error("the packed weights " + what +
                       "; the file is damaged or was not written by ubp convert.");
}

// Reads one LEB128 number; false if it does not end before `end`, is too large or longer than
// needed.
bool Next(const uint8_t** cursor, const uint8_t* end, uint32_t* value) {
  uint64_t number = 0;
  for (int i = 0; i < kMaxLeb128Bytes && *cursor != end; ++i) {
    const uint8_t byte = *(*cursor)++;
    number |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte & 0x80) continue;
    *value = static_cast<uint32_t>(number);
    const bool superfluous = i > 0 && byte == 0;
    return number <= 0xFFFFFFFF && !superfluous;
  }
  return false;
}

Status ReadCounts(const LayerAttributes& attributes, const uint8_t** cursor, const uint8_t* end,
                  std::vector<int32_t>* counts) {
  const int starts = attributes.num_starts();
  if (end - *cursor < starts) return Bad("end within the section 'counts'");
  counts->resize(starts);
  int64_t sum = 0;
  for (int s = 0; s < starts; ++s) {
    uint32_t count = 0;
    if (!Next(cursor, end, &count)) return Bad("have a malformed number in the section 'counts'");
    if (count > static_cast<uint32_t>(attributes.lane_groups())) {
      return Bad("name " + std::to_string(count) + " blocks at start channel " + std::to_string(s) +
                 ", more than the layer has places for, " +
                 std::to_string(attributes.lane_groups()));
    }
    (*counts)[s] = static_cast<int32_t>(count);
    sum += count;
  }
  if (sum != attributes.num_blocks) {
    return Bad("count " + std::to_string(sum) + " blocks, the attribute 'num_blocks' says " +
               std::to_string(attributes.num_blocks));
  }
  return Status::Ok();
}

// Reads the section `scales`, which only int8 layers have.
Status ReadScales(const LayerAttributes& attributes, const uint8_t** cursor, const uint8_t* end,
                  std::vector<float>* scales) {
  scales->clear();
  if (attributes.value_type != ValueType::kInt8) return Status::Ok();
  const size_t channels = attributes.out_channels;
  const size_t size = channels * sizeof(float);
  if (static_cast<size_t>(end - *cursor) < size) {
    return Bad("have " + std::to_string(end - *cursor) + " bytes, " + std::to_string(size) +
               " are needed for the section 'scales' alone");
  }
  scales->resize(channels);
  std::memcpy(scales->data(), *cursor, size);
  *cursor += size;
  for (size_t c = 0; c < channels; ++c) {
    if (!std::isfinite((*scales)[c]) || (*scales)[c] <= 0.0f) {
      return Bad("have the scale " + std::to_string((*scales)[c]) + " for channel " +
                 std::to_string(c) + " in the section 'scales', expected a number above 0");
    }
  }
  return Status::Ok();
}

// Calls use(lane) for each lane, or group of lanes, which is within the layer.
template <class Use>
Status ReadLanes(const LayerAttributes& attributes, const std::vector<int32_t>& counts,
                 const uint8_t** cursor, const uint8_t* end, const Use& use) {
  for (size_t s = 0; s < counts.size(); ++s) {
    int64_t lane = -1;
    for (int32_t i = 0; i < counts[s]; ++i) {
      uint32_t delta = 0;
      if (!Next(cursor, end, &delta)) {
        return Bad("end within, or have a malformed number in, the section 'lanes'");
      }
      lane += int64_t{delta} + 1;
      if (lane >= attributes.lane_groups()) {
        const std::string noun = LaneNoun(attributes);
        return Bad("name " + noun + " " + std::to_string(lane) + " at start channel " +
                   std::to_string(s) + ", the layer has " +
                   std::to_string(attributes.lane_groups()));
      }
      use(static_cast<int32_t>(lane));
    }
  }
  return Status::Ok();
}

Status CheckChecksums(const LayerAttributes& attributes, const uint8_t* packed, size_t packed_size,
                      const void* bias) {
  static_assert(sizeof(float) == sizeof(int32_t), "a bias has 4 bytes a channel");
  const uint32_t crc = Crc32(attributes.attributes_crc, packed, packed_size);
  if (crc != attributes.checksum) return Bad("or attributes do not match their checksum");
  const uint32_t bias_crc =
      bias == nullptr ? 0 : Crc32(0, bias, sizeof(float) * attributes.out_channels);
  if (bias_crc != attributes.bias_checksum)
    return Bad("have a bias that does not match its checksum");
  return Status::Ok();
}

}  // namespace

Status PackedLayer::Check(const LayerAttributes& attributes, const uint8_t* packed,
                          size_t packed_size, LayerBias bias, PackedLayer* layer) {
  if (packed == nullptr) packed_size = 0;
  layer->attributes_ = attributes;
  layer->bias_ = bias;
  layer->data_ = packed;
  layer->size_ = packed_size;
  const uint8_t* cursor = packed;
  const uint8_t* const end = packed + packed_size;
  UBP_RETURN_IF_ERROR(ReadScales(attributes, &cursor, end, &layer->scales_));
  const uint64_t values_size = BytesPerValue(attributes.value_type) * NumValues(attributes);
  if (packed == nullptr || values_size > static_cast<uint64_t>(end - cursor)) {
    return Bad("have " + std::to_string(end - cursor) + " bytes, " + std::to_string(values_size) +
               " are needed for the section 'values' alone");
  }
  layer->values_ = cursor;
  cursor += values_size;
  UBP_RETURN_IF_ERROR(ReadCounts(attributes, &cursor, end, &layer->counts_));
  layer->lanes_ = cursor;
  UBP_RETURN_IF_ERROR(ReadLanes(attributes, layer->counts_, &cursor, end, [](int32_t) {}));
  if (cursor != end) {
    return Bad("have " + std::to_string(end - cursor) + " bytes after the last lane");
  }
  return CheckChecksums(attributes, packed, packed_size, bias.data());
}

Status PackedLayer::DecodeLanes(std::vector<int32_t>* lanes) const {
  lanes->clear();
  lanes->reserve(attributes_.num_blocks);
  const uint8_t* cursor = lanes_;
  const Status status = ReadLanes(attributes_, counts_, &cursor, data_ + size_,
                                  [&](int32_t lane) { lanes->push_back(lane); });
  if (status.ok()) return status;
  return Status::Error(status.message() +
                       " They were whole when the model was loaded: somebody "
                       "has written into its file since.");
}

std::vector<float> PackedLayer::DecodeValues(size_t zeros) const {
  const auto count = static_cast<size_t>(NumValues(attributes_));
  std::vector<float> values(count + zeros);
  if (attributes_.value_type == ValueType::kInt8) {
    Dequantize(values.data());
    return values;
  }
  if (attributes_.value_type == ValueType::kFloat32) {
    if (count > 0) std::memcpy(values.data(), values_, count * sizeof(float));
    return values;
  }
  const auto widen = attributes_.value_type == ValueType::kFloat16 ? WidenFloat16 : WidenBfloat16;
  for (size_t i = 0; i < count; ++i) {
    values[i] = widen(static_cast<uint16_t>(values_[2 * i] | (values_[2 * i + 1] << 8)));
  }
  return values;
}

void PackedLayer::Dequantize(float* values) const {
  const int n = attributes_.block_size;
  const int block_lanes = attributes_.block_lanes;
  const uint8_t* stored = values_;
  for (int start = 0; start < attributes_.num_starts(); ++start) {
    for (int32_t i = 0; i < counts_[start]; ++i) {
      for (int j = 0; j < n; ++j) {
        const float scale = scales_[start + (j + n - start % n) % n];
        for (int lane = 0; lane < block_lanes; ++lane) {
          values[lane * n + j] = scale * static_cast<int8_t>(*stored++);
        }
      }
      values += n * block_lanes;
    }
  }
}

std::vector<int8_t> PackedLayer::DecodeInt8Values() const {
  if (attributes_.value_type != ValueType::kInt8) return {};
  const auto* const stored = reinterpret_cast<const int8_t*>(values_);
  return std::vector<int8_t>(stored, stored + NumValues(attributes_));
}

const float* PackedLayer::values_in_place() const {
  const bool aligned = reinterpret_cast<uintptr_t>(values_) % alignof(float) == 0;
  if (attributes_.value_type != ValueType::kFloat32 || !aligned) return nullptr;
  return reinterpret_cast<const float*>(values_);
}

}  // namespace ubp
