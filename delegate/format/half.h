// SPDX-License-Identifier: Apache-2.0
// The 16-bit floating-point types in which weights are stored, widened to float32 without loss.
#ifndef UBP_DELEGATE_FORMAT_HALF_H_
#define UBP_DELEGATE_FORMAT_HALF_H_

#include <cstdint>
#include <cstring>

namespace ubp {

inline float FloatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline float WidenBfloat16(uint16_t bits) { return FloatOfBits(static_cast<uint32_t>(bits) << 16); }

// IEEE 754 binary16.
inline float WidenFloat16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1F;
  const uint32_t fraction = bits & 0x3FF;
  if (exponent == 0x1F) return FloatOfBits(sign | 0x7F800000 | (fraction << 13));
  if (exponent != 0) return FloatOfBits(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // zero and subnormal numbers
  return sign ? -magnitude : magnitude;
}

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_HALF_H_
