// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/test_layer.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "delegate/cpu/operators/block_size.h"
#include "delegate/format/crc32.h"
#include "flatbuffers/flexbuffers.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

void AppendLeb128(uint32_t value, std::vector<uint8_t>* bytes) {
  while (value >= 0x80) {
    bytes->push_back(static_cast<uint8_t>(value) | 0x80);
    value >>= 7;
  }
  bytes->push_back(static_cast<uint8_t>(value));
}

// Narrows exactly: test weights have few significant bits.
void AppendValue(float value, ValueType type, std::vector<uint8_t>* bytes) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  int size = 4;
  if (type == ValueType::kBfloat16) {
    bits >>= 16;
    size = 2;
  } else if (type == ValueType::kFloat16) {
    const uint32_t sign = (bits >> 16) & 0x8000;
    const uint32_t exponent = (bits >> 23) & 0xFF;
    bits = value == 0 ? sign : sign | ((exponent - 112) << 10) | ((bits >> 13) & 0x3FF);
    size = 2;
  }
  for (int i = 0; i < size; ++i) {
    bytes->push_back(static_cast<uint8_t>(bits >> (8 * i)));
  }
}

// Of a few bits: their multiples by small integers are exact.
std::vector<float> TestScales(int channels) {
  std::vector<float> scales(channels);
  for (int c = 0; c < channels; ++c) scales[c] = static_cast<float>(1 + c % 5) / 32.0f;
  return scales;
}

void AppendFloatValues(const TestLayer& layer, std::vector<uint8_t>* bytes) {
  const LayerAttributes& a = layer.attributes;
  const int n = a.block_size;
  for (const TestBlock& block : layer.blocks) {
    for (int j = 0; j < n; ++j) {
      const int channel = block.start + (j - block.start % n + n) % n;
      const float* row = &layer.dense[int64_t{block.lane} * a.out_channels];
      AppendValue(row[channel], a.value_type, bytes);
    }
  }
}

// The section `values` of an int8 layer, and `scales` before it.
void AppendInt8Values(const TestLayer& layer, std::vector<uint8_t>* bytes) {
  const LayerAttributes& a = layer.attributes;
  const int n = a.block_size;
  for (const float scale : layer.scales) AppendValue(scale, ValueType::kFloat32, bytes);
  for (const TestBlock& block : layer.blocks) {
    for (int j = 0; j < n; ++j) {
      const int channel = block.start + (j - block.start % n + n) % n;
      for (int l = 0; l < a.block_lanes; ++l) {
        const int64_t lane = int64_t{block.lane} * a.block_lanes + l;
        const float weight = layer.dense[lane * a.out_channels + channel];
        bytes->push_back(static_cast<uint8_t>(static_cast<int8_t>(weight / layer.scales[channel])));
      }
    }
  }
}

}  // namespace

PackedLayerWeights PackedOf(const LayerWeights& layer, const InstructionSet* isa) {
  const int block_size =
      isa != nullptr ? KernelBlockSize(layer, *isa) : layer.attributes.block_size;
  return {std::make_shared<const KernelWeights>(KernelWeightsOf(layer, block_size)),
          layer.attributes.lanes(), layer.attributes.activation};
}

KernelWeights KernelWeightsOf(const LayerWeights& layer, int block_size) {
  KernelWeights weights;
  const Status status = MakeKernelWeights(layer, block_size, &weights);
  EXPECT_TRUE(status.ok()) << status.message();
  return weights;
}

LayerAttributes Pointwise(int in_channels, int out_channels, int block_size) {
  LayerAttributes attributes;
  attributes.in_channels = in_channels;
  attributes.out_channels = out_channels;
  attributes.block_size = block_size;
  return attributes;
}

TestLayer MakeTestLayer(const LayerAttributes& spec, double density, bool with_bias,
                        uint32_t seed) {
  TestLayer layer;
  layer.attributes = spec;
  std::mt19937 random(seed);
  // Multiples of 1/16 in (-2, 2): exact in all value types, never zero.
  const auto weight = [&random] {
    const int sixteenths = 1 + static_cast<int>(random() % 31);
    return static_cast<float>(random() % 2 ? sixteenths : -sixteenths) / 16.0f;
  };
  std::bernoulli_distribution present(density);
  const int n = spec.block_size;
  layer.dense.assign(int64_t{spec.lanes()} * spec.out_channels, 0.0f);
  if (spec.value_type == ValueType::kInt8) layer.scales = TestScales(spec.out_channels);
  for (int group = 0; group < spec.lane_groups(); ++group) {
    for (int start = 0; start + n <= spec.out_channels; ++start) {
      if (!present(random)) continue;
      layer.blocks.push_back({start, group});
      for (int lane = group * spec.block_lanes; lane < (group + 1) * spec.block_lanes; ++lane) {
        for (int c = start; c < start + n; ++c) {
          const float unit = layer.scales.empty() ? 1.0f : 16.0f * layer.scales[c];
          layer.dense[int64_t{lane} * spec.out_channels + c] = unit * weight();
        }
      }
      start += n - 1;
    }
  }
  std::sort(layer.blocks.begin(), layer.blocks.end(), [](const TestBlock& a, const TestBlock& b) {
    return a.start != b.start ? a.start < b.start : a.lane < b.lane;
  });
  if (with_bias) {
    for (int c = 0; c < spec.out_channels; ++c) layer.bias.push_back(weight());
  }
  Encode(&layer);
  return layer;
}

std::map<std::string, int64_t> AttributeMap(const LayerAttributes& a) {
  std::map<std::string, int64_t> map = {
      {"activation", static_cast<int64_t>(a.activation)},
      {"bias_checksum", a.bias_checksum},
      {"block_size", a.block_size},
      {"checksum", a.checksum},
      {"in_channels", a.in_channels},
      {"num_blocks", a.num_blocks},
      {"out_channels", a.out_channels},
      {"value_type", static_cast<int64_t>(a.value_type)},
      {"version", a.value_type == ValueType::kInt8 ? 2 : 1},
  };
  if (a.value_type == ValueType::kInt8) map["block_lanes"] = a.block_lanes;
  if (a.kind == OpKind::kFullyConnected) {
    map["keep_num_dims"] = a.keep_num_dims;
    return map;
  }
  map["kernel_h"] = a.kernel_h;
  map["kernel_w"] = a.kernel_w;
  if (a.kind == OpKind::kTransposeConv2D) {
    map["block_h"] = a.block_h;
    map["block_w"] = a.block_w;
    const Pads& pads = a.pads;
    const Pads& crop = a.crop;
    map["pad_top"] = pads.top, map["pad_bottom"] = pads.bottom;
    map["pad_left"] = pads.left, map["pad_right"] = pads.right;
    map["crop_top"] = crop.top, map["crop_bottom"] = crop.bottom;
    map["crop_left"] = crop.left, map["crop_right"] = crop.right;
    return map;
  }
  map["dilation_h"] = a.dilation_h;
  map["dilation_w"] = a.dilation_w;
  map["padding"] = static_cast<int64_t>(a.padding);
  map["stride_h"] = a.stride_h;
  map["stride_w"] = a.stride_w;
  return map;
}

std::vector<uint8_t> EncodeMap(const std::map<std::string, int64_t>& map) {
  flexbuffers::Builder builder;
  builder.Map([&] {
    for (const auto& [key, value] : map) builder.Int(key.c_str(), value);
  });
  builder.Finish();
  return builder.GetBuffer();
}

uint32_t ChecksumOf(const std::string& op_name, const std::map<std::string, int64_t>& map,
                    const std::vector<uint8_t>& packed) {
  std::vector<uint8_t> bytes(op_name.begin(), op_name.end());
  for (const auto& [key, value] : map) {
    if (key == "checksum") continue;
    for (int i = 0; i < 4; ++i) {
      bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
  }
  bytes.insert(bytes.end(), packed.begin(), packed.end());
  return Crc32(0, bytes.data(), bytes.size());
}

void Encode(TestLayer* layer) {
  LayerAttributes& a = layer->attributes;
  std::vector<uint8_t>& packed = layer->packed;
  packed.clear();
  if (a.value_type == ValueType::kInt8) {
    AppendInt8Values(*layer, &packed);
  } else {
    AppendFloatValues(*layer, &packed);
  }
  std::vector<uint32_t> counts(a.num_starts(), 0);
  for (const TestBlock& block : layer->blocks) ++counts[block.start];
  for (const uint32_t count : counts) AppendLeb128(count, &packed);
  for (size_t i = 0; i < layer->blocks.size(); ++i) {
    const bool first = i == 0 || layer->blocks[i].start != layer->blocks[i - 1].start;
    const int lane = layer->blocks[i].lane;
    AppendLeb128(first ? lane : lane - layer->blocks[i - 1].lane - 1, &packed);
  }
  a.num_blocks = static_cast<int>(layer->blocks.size());
  a.bias_checksum =
      layer->bias.empty() ? 0 : Crc32(0, layer->bias.data(), layer->bias.size() * sizeof(float));
  a.checksum = ChecksumOf(OpName(a.kind), AttributeMap(a), packed);
  layer->options = EncodeMap(AttributeMap(a));
}

PackedLayer TestLayer::Read() const {
  LayerAttributes read;
  Status status = ReadAttributes(attributes.kind, options.data(), options.size(), &read);
  EXPECT_TRUE(status.ok()) << status.message();
  PackedLayer layer;
  status = PackedLayer::Check(read, packed.data(), packed.size(), bias_or_null(), &layer);
  EXPECT_TRUE(status.ok()) << status.message();
  return layer;
}

LayerWeights TestLayer::Packed() const {
  LayerWeights layer;
  layer.attributes = attributes;
  layer.packed = Read();
  return layer;
}

LayerWeights TestLayer::Dense(std::vector<float>* transposed) const {
  const int lanes = attributes.lanes();
  transposed->resize(dense.size());
  for (int lane = 0; lane < lanes; ++lane) {
    for (int c = 0; c < attributes.out_channels; ++c) {
      (*transposed)[int64_t{c} * lanes + lane] = dense[int64_t{lane} * attributes.out_channels + c];
    }
  }
  LayerWeights layer;
  layer.attributes = attributes;
  layer.dense.weights = transposed->data();
  layer.dense.bias = bias_or_null();
  return layer;
}

}  // namespace ubp
