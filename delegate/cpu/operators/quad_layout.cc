// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_layout.h"

#include <algorithm>
#include <cstring>

namespace ubp {

uint32_t StoredQuad(int value, const Int8Kernels& kernels) {
  return 0x01010101u * static_cast<uint8_t>(StoredValue(value, kernels));
}

float StoredElement(int value, const Int8Kernels& kernels) {
  const uint32_t quad = StoredQuad(value, kernels);
  float element;
  static_assert(sizeof(element) == sizeof(quad));
  std::memcpy(&element, &quad, sizeof(element));
  return element;
}

Requantization StoredRequantization(const QuadConvLayout& layout, const std::vector<float>& scales,
                                    const Int8Kernels& kernels) {
  const bool saturates =
      layout.min == -128 && layout.max == 127 &&
      std::all_of(scales.begin(), scales.end(), [](float s) { return s < 1.0f; });
  return {StoredValue(layout.output_zero_point, kernels), StoredValue(layout.min, kernels),
          StoredValue(layout.max, kernels), saturates};
}

}  // namespace ubp
