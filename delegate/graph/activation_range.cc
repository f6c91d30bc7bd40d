// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph/activation_range.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ubp {
namespace {

int Saturate(float value) { return static_cast<int>(std::clamp(value, -128.0f, 127.0f)); }

}  // namespace

ActivationRange RangeOf(Activation activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  switch (activation) {
    case Activation::kNone:
      return {-kInfinity, kInfinity};
    case Activation::kRelu:
      return {0.0f, kInfinity};
    case Activation::kReluN1To1:
      return {-1.0f, 1.0f};
    case Activation::kRelu6:
      return {0.0f, 6.0f};
  }
  return {-kInfinity, kInfinity};
}

Int8Range RangeOf(Activation activation, const Quantization& quantization) {
  const ActivationRange range = RangeOf(activation);
  const auto quantize = [&](float bound) {
    const float place = bound / quantization.scale + static_cast<float>(quantization.zero_point);
    return Saturate(std::rint(place));  // ties to even
  };
  return {quantize(range.min), quantize(range.max)};
}

Int8Range TfLiteRangeOf(Activation activation, const Quantization& quantization) {
  const ActivationRange range = RangeOf(activation);
  const auto quantize = [&](float bound) {
    const float steps = std::round(bound / quantization.scale);  // ties away from zero
    return Saturate(steps + static_cast<float>(quantization.zero_point));
  };
  return {quantize(range.min), quantize(range.max)};
}

}  // namespace ubp
