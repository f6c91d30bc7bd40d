// SPDX-License-Identifier: Apache-2.0
// The reader of the packed format: what it accepts, and that it refuses everything else.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "delegate/format/attributes.h"
#include "delegate/format/crc32.h"
#include "delegate/format/packed_layer.h"
#include "flatbuffers/flexbuffers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

LayerAttributes SmallConv() {
  LayerAttributes attributes = Pointwise(5, 11, 4);
  attributes.kernel_h = 3;
  attributes.kernel_w = 2;
  attributes.stride_w = 2;
  attributes.padding = Padding::kSame;
  attributes.activation = Activation::kRelu6;
  return attributes;
}

// Int8 values, in blocks of one lane or of 4.
LayerAttributes SmallInt8(int block_lanes) {
  LayerAttributes attributes = SmallConv();
  attributes.in_channels = 8;
  attributes.value_type = ValueType::kInt8;
  attributes.block_lanes = block_lanes;
  return attributes;
}

// The reader's verdict on options and packed bytes that may be damaged. Copies
// them into buffers of exact size, so that AddressSanitizer sees any overrun.
Status ReadLayer(OpKind kind, std::vector<uint8_t> options, std::vector<uint8_t> packed,
                 LayerBias bias) {
  LayerAttributes attributes;
  UBP_RETURN_IF_ERROR(ReadAttributes(kind, options.data(), options.size(), &attributes));
  PackedLayer layer;
  return PackedLayer::Check(attributes, packed.data(), packed.size(), bias, &layer);
}

std::string ErrorWith(const TestLayer& layer, std::map<std::string, int64_t> map) {
  return ReadLayer(layer.attributes.kind, EncodeMap(map), layer.packed, layer.bias_or_null())
      .message();
}

// A layer whose packed bytes are replaced, with a checksum that fits them.
std::string ErrorWithPacked(const TestLayer& layer, const std::vector<uint8_t>& packed) {
  auto map = AttributeMap(layer.attributes);
  map["checksum"] = ChecksumOf(OpName(layer.attributes.kind), map, packed);
  return ReadLayer(layer.attributes.kind, EncodeMap(map), packed, layer.bias_or_null()).message();
}

TEST(Crc32Test, MatchesTheStandardCheckValueInAnyPieces) {
  const std::string text = "123456789";
  EXPECT_EQ(Crc32(0, text.data(), text.size()), 0xCBF43926u);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const uint32_t head = Crc32(0, text.data(), cut);
    EXPECT_EQ(Crc32(head, text.data() + cut, text.size() - cut), 0xCBF43926u);
  }
}

TEST(PackedLayerTest, ReadsBackWhatWasWritten) {
  for (const ValueType type : {ValueType::kFloat32, ValueType::kFloat16, ValueType::kBfloat16}) {
    for (const int n : {1, 2, 4, 8, 16}) {
      LayerAttributes spec = SmallConv();
      spec.out_channels = 21;
      spec.block_size = n;
      spec.value_type = type;
      const TestLayer test = MakeTestLayer(spec, 0.3, true, 7);
      const PackedLayer layer = test.Read();
      std::vector<int32_t> lanes;
      ASSERT_TRUE(layer.DecodeLanes(&lanes).ok());
      const std::vector<float> values = layer.DecodeValues();
      ASSERT_EQ(lanes.size(), test.blocks.size());
      size_t block = 0;
      for (int start = 0; start < layer.attributes().num_starts(); ++start) {
        for (int i = 0; i < layer.counts()[start]; ++i, ++block) {
          EXPECT_EQ(start, test.blocks[block].start);
          EXPECT_EQ(lanes[block], test.blocks[block].lane);
          for (int c = start; c < start + n; ++c) {
            EXPECT_EQ(values[block * n + c % n], test.dense[lanes[block] * 21 + c]);
          }
        }
      }
    }
  }
}

TEST(PackedLayerTest, ReadsBackInt8Values) {
  for (const int block_lanes : {1, 4}) {
    for (const int n : {1, 2, 4, 8}) {
      LayerAttributes spec = SmallInt8(block_lanes);
      spec.block_size = n;
      const TestLayer test = MakeTestLayer(spec, 0.3, true, 17);
      const PackedLayer layer = test.Read();
      EXPECT_EQ(layer.scales(), test.scales);
      EXPECT_EQ(layer.values_in_place(), nullptr);
      std::vector<int32_t> groups;
      ASSERT_TRUE(layer.DecodeLanes(&groups).ok());
      ASSERT_EQ(groups.size(), test.blocks.size());
      const std::vector<int8_t> stored = layer.DecodeInt8Values();
      const std::vector<float> values = layer.DecodeValues(3);
      ASSERT_EQ(stored.size(), groups.size() * n * block_lanes);
      ASSERT_EQ(values.size(), stored.size() + 3);
      for (size_t block = 0; block < groups.size(); ++block) {
        const int start = test.blocks[block].start;
        EXPECT_EQ(groups[block], test.blocks[block].lane);
        for (int c = start; c < start + n; ++c) {
          for (int l = 0; l < block_lanes; ++l) {
            const float weight =
                test.dense[(groups[block] * block_lanes + l) * spec.out_channels + c];
            const int8_t q = stored[(block * n + c % n) * block_lanes + l];
            EXPECT_EQ(q * test.scales[c], weight);
            EXPECT_EQ(values[(block * block_lanes + l) * n + c % n], weight);
          }
        }
      }
    }
  }
}

TEST(PackedLayerTest, TakesABiasOfEitherType) {
  TestLayer test = MakeTestLayer(SmallInt8(4), 0.3, true, 18);
  EXPECT_EQ(test.Read().bias(), test.bias.data());
  EXPECT_EQ(test.Read().int32_bias(), nullptr);
  std::vector<int32_t> integers(test.bias.size());
  std::memcpy(integers.data(), test.bias.data(), integers.size() * sizeof(int32_t));
  const LayerAttributes attributes = test.Read().attributes();
  const LayerBias bias = integers.data();  // of the same bytes
  PackedLayer layer;
  const Status status =
      PackedLayer::Check(attributes, test.packed.data(), test.packed.size(), bias, &layer);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(layer.bias(), nullptr);
  EXPECT_EQ(layer.int32_bias(), integers.data());
  ++integers.back();
  EXPECT_THAT(ReadLayer(OpKind::kConv2D, test.options, test.packed, bias).message(),
              HasSubstr("bias"));
}

TEST(PackedLayerTest, RefusesScalesThatAreNone) {
  const TestLayer test = MakeTestLayer(SmallInt8(4), 0.3, true, 19);
  for (const float wrong : {0.0f, -0.0f, -0.5f, INFINITY, NAN}) {
    for (const int channel : {0, 10}) {
      std::vector<uint8_t> packed = test.packed;
      std::memcpy(packed.data() + channel * sizeof(float), &wrong, sizeof(float));
      EXPECT_THAT(ErrorWithPacked(test, packed),
                  HasSubstr("for channel " + std::to_string(channel) + " in the section 'scales'"));
    }
  }
  EXPECT_THAT(ErrorWithPacked(test, std::vector<uint8_t>(43)),
              HasSubstr("43 bytes, 44 are needed for the section 'scales'"));
  EXPECT_THAT(
      ErrorWithPacked(test, std::vector<uint8_t>(test.packed.begin(), test.packed.begin() + 44)),
      HasSubstr("have 0 bytes, "));
}

TEST(PackedLayerTest, WidensSpecialSixteenBitValues) {
  TestLayer test = MakeTestLayer(Pointwise(1, 8, 8), 1.0, false, 1);
  test.attributes.value_type = ValueType::kFloat16;
  const uint16_t bits[8] = {0x0000, 0x8000, 0x0001, 0x83FF, 0x7C00, 0xFC00, 0x7BFF, 0x7E00};
  const float expected[8] = {0.0f,     -0.0f,     0x1p-24f, -0x3FFp-24f,
                             INFINITY, -INFINITY, 65504.0f, NAN};
  Encode(&test);
  std::memcpy(test.packed.data(), bits, sizeof(bits));
  auto map = AttributeMap(test.attributes);
  map["checksum"] = ChecksumOf(kConv2DName, map, test.packed);
  test.options = EncodeMap(map);
  const std::vector<float> values = test.Read().DecodeValues();
  for (int i = 0; i < 8; ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i]));
    } else {
      EXPECT_EQ(values[i], expected[i]);
      EXPECT_EQ(std::signbit(values[i]), std::signbit(expected[i]));
    }
  }
}

TEST(PackedLayerTest, ReadsALayerWithoutBlocks) {
  const TestLayer test = MakeTestLayer(SmallConv(), 0.0, true, 1);
  const PackedLayer layer = test.Read();
  std::vector<int32_t> lanes;
  EXPECT_TRUE(layer.DecodeLanes(&lanes).ok());
  EXPECT_TRUE(lanes.empty());
  EXPECT_TRUE(layer.DecodeValues().empty());
}

class DamagedLayerTest : public testing::TestWithParam<LayerAttributes> {};

INSTANTIATE_TEST_SUITE_P(EachVersion, DamagedLayerTest,
                         testing::Values(SmallConv(), SmallInt8(1), SmallInt8(4)),
                         [](const auto& info) {
                           const LayerAttributes& a = info.param;
                           return a.value_type == ValueType::kInt8
                                      ? "int8_lanes" + std::to_string(a.block_lanes)
                                      : std::string("float32");
                         });

// A file that somebody writes into while it is mapped.
TEST_P(DamagedLayerTest, DecodesNoLaneBeyondTheLayerWhateverBecomesOfTheBytes) {
  const TestLayer whole = MakeTestLayer(GetParam(), 0.3, true, 3);
  int refused = 0;
  for (size_t at = whole.packed.size() - whole.blocks.size(); at < whole.packed.size(); ++at) {
    for (const int byte : {0, 1, 0x7F, 0x80, 0xFF}) {
      TestLayer test = whole;
      test.packed.shrink_to_fit();  // for the address sanitizer
      const PackedLayer layer = test.Read();
      std::fill(test.packed.begin() + at, test.packed.end(), static_cast<uint8_t>(byte));
      std::vector<int32_t> lanes;
      const Status status = layer.DecodeLanes(&lanes);
      for (const int32_t lane : lanes) ASSERT_LT(lane, layer.attributes().lane_groups());
      if (status.ok()) continue;
      ++refused;
      EXPECT_THAT(status.message(), HasSubstr("somebody has written into its file since."));
    }
  }
  EXPECT_GT(refused, 0);
}

TEST_P(DamagedLayerTest, RefusesEveryTruncation) {
  const TestLayer test = MakeTestLayer(GetParam(), 0.3, true, 3);
  for (size_t size = 0; size < test.packed.size(); ++size) {
    const std::vector<uint8_t> cut(test.packed.begin(), test.packed.begin() + size);
    EXPECT_NE(ErrorWithPacked(test, cut), "") << size;
  }
  for (size_t size = 0; size < test.options.size(); ++size) {
    const std::vector<uint8_t> cut(test.options.begin(), test.options.begin() + size);
    EXPECT_FALSE(ReadLayer(OpKind::kConv2D, cut, test.packed, test.bias_or_null()).ok()) << size;
  }
}

TEST_P(DamagedLayerTest, RefusesEveryFlippedBit) {
  const TestLayer test = MakeTestLayer(GetParam(), 0.3, true, 4);
  for (size_t bit = 0; bit < test.packed.size() * 8; ++bit) {
    std::vector<uint8_t> packed = test.packed;
    packed[bit / 8] ^= 1 << (bit % 8);
    EXPECT_FALSE(ReadLayer(OpKind::kConv2D, test.options, packed, test.bias_or_null()).ok()) << bit;
  }
  for (size_t bit = 0; bit < test.bias.size() * 32; ++bit) {
    std::vector<float> bias = test.bias;
    reinterpret_cast<uint8_t*>(bias.data())[bit / 8] ^= 1 << (bit % 8);
    EXPECT_FALSE(ReadLayer(OpKind::kConv2D, test.options, test.packed, bias.data()).ok()) << bit;
  }
}

// A flip in the options may leave all attributes as they were (it can hit
// padding, or how wide a number is stored); it must never change one unnoticed.
TEST_P(DamagedLayerTest, NoFlippedBitInTheOptionsChangesTheLayer) {
  const TestLayer test = MakeTestLayer(GetParam(), 0.3, true, 5);
  int refused = 0;
  for (size_t bit = 0; bit < test.options.size() * 8; ++bit) {
    std::vector<uint8_t> options = test.options;
    options[bit / 8] ^= 1 << (bit % 8);
    if (!ReadLayer(OpKind::kConv2D, options, test.packed, test.bias_or_null()).ok()) {
      ++refused;
      continue;
    }
    LayerAttributes read;
    ASSERT_TRUE(ReadAttributes(OpKind::kConv2D, options.data(), options.size(), &read).ok());
    EXPECT_EQ(AttributeMap(read), AttributeMap(test.attributes)) << bit;
  }
  EXPECT_GT(refused, static_cast<int>(test.options.size()) * 4);
}

TEST(PackedLayerTest, NamesTheViolation) {
  const TestLayer test = MakeTestLayer(SmallConv(), 0.3, true, 6);
  const size_t values = test.blocks.size() * 4 * sizeof(float);

  std::vector<uint8_t> packed = test.packed;
  packed.push_back(0);
  EXPECT_THAT(ErrorWithPacked(test, packed), HasSubstr("1 bytes after"));

  packed = test.packed;
  packed[values] += 1;  // count of start 0
  EXPECT_THAT(ErrorWithPacked(test, packed), HasSubstr("'num_blocks'"));

  packed = test.packed;
  packed[values] = 0x7F;
  EXPECT_THAT(ErrorWithPacked(test, packed), HasSubstr("127 blocks"));

  packed = test.packed;
  packed.back() = 0x7F;
  EXPECT_THAT(ErrorWithPacked(test, packed), HasSubstr("name lane"));

  packed = test.packed;
  packed[values] |= 0x80;  // runs into the next number
  EXPECT_NE(ErrorWithPacked(test, packed), "");

  EXPECT_THAT(ReadLayer(OpKind::kConv2D, test.options, test.packed, nullptr).message(),
              HasSubstr("bias"));
}

TEST(PackedLayerTest, RefusesMalformedNumbers) {
  // One start, whose count is written in all kinds of wrong ways.
  const TestLayer test = MakeTestLayer(Pointwise(3, 4, 4), 0.0, false, 1);
  ASSERT_EQ(test.packed.size(), 1u);
  const std::vector<std::vector<uint8_t>> malformed = {
      {0x80},                                // does not end
      {0x80, 0x00},                          // longer than needed
      {0xFF, 0xFF, 0xFF, 0xFF, 0x1F},        // above 2^32
      {0x80, 0x80, 0x80, 0x80, 0x80, 0x01},  // more than five bytes
  };
  for (const auto& packed : malformed) {
    EXPECT_THAT(ErrorWithPacked(test, packed), HasSubstr("malformed"));
  }
}

TEST(AttributesTest, ReadsBothOps) {
  const TestLayer conv = MakeTestLayer(SmallConv(), 0.3, true, 8);
  EXPECT_EQ(AttributeMap(conv.Read().attributes()), AttributeMap(conv.attributes));
  LayerAttributes spec = Pointwise(9, 10, 2);
  spec.kind = OpKind::kFullyConnected;
  spec.keep_num_dims = true;
  const TestLayer dense = MakeTestLayer(spec, 0.3, false, 9);
  EXPECT_EQ(AttributeMap(dense.Read().attributes()), AttributeMap(dense.attributes));
}

// Some processors trap where a number of 8 bytes is not aligned.
TEST(AttributesTest, ReadsOptionsAtAnyAddress) {
  auto map = AttributeMap(SmallConv());
  map["checksum"] = 0xFFFFFFFF;  // which FlexBuffers writes in 8 bytes
  const std::vector<uint8_t> options = EncodeMap(map);
  for (size_t offset = 0; offset < 8; ++offset) {
    std::vector<uint8_t> memory(offset);
    memory.insert(memory.end(), options.begin(), options.end());
    LayerAttributes read;
    const Status status =
        ReadAttributes(OpKind::kConv2D, memory.data() + offset, options.size(), &read);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(AttributeMap(read), map);
  }
}

TEST(AttributesTest, ChecksEveryKeyForPresenceAndRange) {
  const TestLayer test = MakeTestLayer(SmallConv(), 0.3, true, 10);
  const auto good = AttributeMap(test.attributes);
  ASSERT_EQ(ErrorWith(test, good), "");
  for (const auto& [key, value] : good) {
    auto missing = good;
    missing.erase(key);
    EXPECT_NE(ErrorWith(test, missing), "") << key;
    auto renamed = missing;
    renamed[key + "_"] = value;
    EXPECT_THAT(ErrorWith(test, renamed), HasSubstr("'" + key + "'"));
    for (const int64_t bad : {int64_t{-1}, int64_t{1} << 33}) {
      auto outside = good;
      outside[key] = bad;
      EXPECT_NE(ErrorWith(test, outside), "") << key;
    }
  }
  auto extra = good;
  extra["zoom"] = 1;
  EXPECT_THAT(ErrorWith(test, extra), HasSubstr("17 attributes"));
}

TEST(AttributesTest, ChecksCombinations) {
  const TestLayer test = MakeTestLayer(SmallConv(), 0.3, true, 11);
  const auto with = [&](const std::string& key, int64_t value) {
    auto map = AttributeMap(test.attributes);
    map[key] = value;
    return ErrorWith(test, map);
  };
  EXPECT_THAT(with("version", 3), HasSubstr("version 3, this delegate reads versions 1 to 2"));
  EXPECT_THAT(with("version", 2), HasSubstr("16 attributes, expected 17"));
  EXPECT_THAT(with("value_type", 3), HasSubstr("'value_type' is 3, expected 0 to 2 in version 1"));
  EXPECT_THAT(with("block_size", 3), HasSubstr("expected 1, 2, 4, 8 or 16"));
  EXPECT_THAT(with("block_size", 16), HasSubstr("more than the 11"));
  EXPECT_THAT(with("num_blocks", 1000000), HasSubstr("'num_blocks'"));
  auto huge = AttributeMap(test.attributes);
  huge["in_channels"] = 1 << 24;
  huge["kernel_h"] = huge["kernel_w"] = 1 << 12;
  EXPECT_THAT(ErrorWith(test, huge), HasSubstr("kernel_h * kernel_w"));
}

TEST(AttributesTest, ChecksCombinationsOfVersion2) {
  const TestLayer test = MakeTestLayer(SmallInt8(4), 0.3, true, 12);
  const auto with = [&](const std::string& key, int64_t value) {
    auto map = AttributeMap(test.attributes);
    map[key] = value;
    return ErrorWith(test, map);
  };
  EXPECT_EQ(with("block_lanes", 4), "");
  EXPECT_THAT(with("version", 1), HasSubstr("17 attributes, expected 16"));
  EXPECT_THAT(with("value_type", 0), HasSubstr("'value_type' is 0, expected 3 in version 2"));
  EXPECT_THAT(with("block_lanes", 2), HasSubstr("'block_lanes' is 2, expected 1 or 4"));
  EXPECT_THAT(with("block_lanes", 5), HasSubstr("'block_lanes' is 5, expected 1 to 4"));
  EXPECT_THAT(with("in_channels", 6), HasSubstr("'in_channels' is 6, expected a multiple of 4"));
  EXPECT_THAT(with("block_size", 16), HasSubstr("'block_size' is 16, expected at most 8"));
  const int places = 3 * 2 * 8 / 4 * (11 - 4 + 1);
  EXPECT_THAT(with("num_blocks", places + 1), HasSubstr("more than the 96 places"));
}

TEST(AttributesTest, RefusesOtherValuesThanAMapOfIntegers) {
  flexbuffers::Builder text;
  text.String("not a map");
  text.Finish();
  LayerAttributes attributes;
  const auto read = [&](const std::vector<uint8_t>& bytes) {
    return ReadAttributes(OpKind::kConv2D, bytes.data(), bytes.size(), &attributes);
  };
  EXPECT_THAT(read(text.GetBuffer()).message(), HasSubstr("not a FlexBuffers map"));
  EXPECT_FALSE(read({}).ok());
  EXPECT_FALSE(ReadAttributes(OpKind::kConv2D, nullptr, 0, &attributes).ok());
}

}  // namespace
}  // namespace ubp
