// SPDX-License-Identifier: Apache-2.0
// The attributes of a custom op: the first byte chooses the op, the
// second where in memory the others lie, which are its custom_options.

#include "delegate/format/attributes.h"

#include <iterator>

#include "delegate/format/crc32.h"
#include "tests/cpp/test_layer.h"
#include "tests/fuzz/fuzz.h"

namespace ubp {
namespace {

void RequireInRange(int64_t value, int64_t min, int64_t max) {
  UBP_REQUIRE(value >= min && value <= max);
}

// As docs/packed-format.md has it.
void RequireValid(const LayerAttributes& a) {
  UBP_REQUIRE(a.block_size == 1 || a.block_size == 2 || a.block_size == 4 || a.block_size == 8 ||
              a.block_size == 16);
  RequireInRange(a.out_channels, a.block_size, 1 << 24);
  RequireInRange(a.in_channels, 1, 1 << 24);
  for (const int size :
       {a.kernel_h, a.kernel_w, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w}) {
    RequireInRange(size, 1, 1 << 12);
  }
  const int64_t lanes = int64_t{a.kernel_h} * a.kernel_w * a.in_channels;
  RequireInRange(lanes, 1, 0x7FFFFFFF);
  UBP_REQUIRE(a.block_lanes == 1 || a.block_lanes == 4);
  if (a.block_lanes == 4) {
    UBP_REQUIRE(a.in_channels % 4 == 0 && a.block_size <= 8);
    UBP_REQUIRE(a.value_type == ValueType::kInt8);
  }
  RequireInRange(a.num_blocks, 0, lanes / a.block_lanes * (a.out_channels - a.block_size + 1));
  RequireInRange(static_cast<int>(a.value_type), 0, 3);
  RequireInRange(static_cast<int>(a.activation), 0, 3);
  RequireInRange(static_cast<int>(a.padding), 0, 1);
  RequireInRange(a.block_h, 1, 1 << 12);
  RequireInRange(a.block_w, 1, 1 << 12);
  UBP_REQUIRE(a.out_channels % (int64_t{a.block_h} * a.block_w) == 0);
  for (const Pads& margins : {a.pads, a.crop}) {
    for (const int size : {margins.top, margins.bottom, margins.left, margins.right}) {
      RequireInRange(size, 0, 1 << 12);
    }
  }
}

// Attributes written anew are read as the same.
void RequireSameWhenWritten(const LayerAttributes& attributes) {
  const std::map<std::string, int64_t> map = AttributeMap(attributes);
  const std::vector<uint8_t> options = EncodeMap(map);
  LayerAttributes read;
  UBP_REQUIRE(ReadAttributes(attributes.kind, options.data(), options.size(), &read).ok());
  UBP_REQUIRE(AttributeMap(read) == map);
  UBP_REQUIRE(read.attributes_crc == attributes.attributes_crc);
  UBP_REQUIRE(attributes.attributes_crc == ChecksumOf(OpName(attributes.kind), map, {}));
}

}  // namespace
}  // namespace ubp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ubp::FuzzInput input(data, size);
  constexpr ubp::OpKind kKinds[] = {ubp::OpKind::kConv2D, ubp::OpKind::kFullyConnected,
                                    ubp::OpKind::kTransposeConv2D, ubp::OpKind::kFullyConnected};
  const ubp::OpKind kind = kKinds[input.Below(std::size(kKinds))];
  const int offset = input.Below(8);  // from an aligned address
  std::vector<uint8_t> memory = input.Rest();
  memory.insert(memory.begin(), offset, 0);
  memory.shrink_to_fit();
  ubp::LayerAttributes attributes;
  const ubp::Status status =
      ubp::ReadAttributes(kind, memory.data() + offset, memory.size() - offset, &attributes);
  if (status.ok()) {
    UBP_REQUIRE(attributes.kind == kind);
    ubp::RequireValid(attributes);
    ubp::RequireSameWhenWritten(attributes);
  } else {
    UBP_REQUIRE(!status.message().empty() && status.message().back() == '.');
  }
  return 0;
}
