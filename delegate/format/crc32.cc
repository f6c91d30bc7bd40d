// SPDX-License-Identifier: Apache-2.0
#include "delegate/format/crc32.h"

#include <array>

namespace ubp {
namespace {

constexpr int kSlices = 8;
using Tables = std::array<std::array<uint32_t, 256>, kSlices>;

// tables[0] advances the remainder by one byte; tables[i] by one byte followed by i zero bytes, so
// that eight bytes can be looked up independently and combined.
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1) ^ ((remainder & 1) ? 0xEDB88320u : 0u);
    }
    tables[0][byte] = remainder;
  }
  for (int slice = 1; slice < kSlices; ++slice) {
    for (int byte = 0; byte < 256; ++byte) {
      const uint32_t previous = tables[slice - 1][byte];
      tables[slice][byte] = (previous >> 8) ^ tables[0][previous & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

uint32_t Crc32(uint32_t crc, const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  uint32_t remainder = ~crc;
  for (; size >= kSlices; size -= kSlices, bytes += kSlices) {
    uint32_t next = 0;
    for (int i = 0; i < kSlices; ++i) {
      const uint32_t byte = bytes[i] ^ (i < 4 ? (remainder >> (8 * i)) & 0xFF : 0);
      next ^= kTables[kSlices - 1 - i][byte];
    }
    remainder = next;
  }
  for (; size > 0; --size, ++bytes) {
    remainder = (remainder >> 8) ^ kTables[0][(remainder ^ *bytes) & 0xFF];
  }
  return ~remainder;
}

}  // namespace ubp
