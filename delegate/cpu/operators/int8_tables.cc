// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/int8_tables.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "delegate/cpu/operators/fixed_point.h"
#include "delegate/cpu/operators/quad_elementwise.h"

namespace ubp {
namespace {

constexpr int kLeast = -128;
constexpr int kMost = 127;

int8_t Saturate(int64_t value, int min = kLeast, int max = kMost) {
  return static_cast<int8_t>(std::clamp<int64_t>(value, min, max));
}

// From compute(q) for each value.
template <class Compute>
Int8Table Tabulate(const Compute& compute) {
  Int8Table table{};
  for (int q = kLeast; q <= kMost; ++q) table[q - kLeast] = compute(q);
  return table;
}

// ---- TensorFlow Lite's fixed-point arithmetic -----------------------------------------------------------

int64_t Saturate16(int64_t value) { return std::clamp<int64_t>(value, -32768, 32767); }

// Of 16 bits, as HARD_SWISH has it.
FixedPoint FixedPoint16Of(double number) {
  FixedPoint fixed = FixedPointOf(number);
  fixed.factor = std::min<int64_t>((fixed.factor + (1 << 15)) >> 16, 32767);
  return fixed;
}

Int8Table HardSwishTable(const Int8Scales& scales) {
  const float fine = scales.input.scale / 128.0f;
  const FixedPoint to_output = FixedPoint16Of(fine / scales.output.scale);
  const FixedPoint to_gate = FixedPoint16Of(fine / (3.0f / 32768.0f));
  return Tabulate([&](int q) {
    const int64_t input = int64_t{q - scales.input.zero_point} * 128;
    const int64_t value = Saturate16(HighProduct(input, to_output.factor, 15));
    // The gate is in 16 bits: -1 to 1, and then 0 to 1.
    int64_t gate = input;
    if (to_gate.exponent > 0) gate = Saturate16(gate * (int64_t{1} << (to_gate.exponent - 1)));
    gate = Saturate16(HighProduct(gate, to_gate.factor, 15));
    if (to_gate.exponent > 0) gate = Saturate16(gate * 2);
    if (to_gate.exponent < 0) gate = DivideByPowerOf2(gate, -to_gate.exponent);
    gate = (gate + (1 << 15)) >> 1;
    const int64_t product = Saturate16(gate * value / (1 << 15));
    // The exponent is at most 0: builtin_elementwise.cc leaves others.
    const int64_t output = DivideByPowerOf2(product, -to_output.exponent);
    return Saturate(output + scales.output.zero_point);
  });
}

// ---- XNNPACK's ------------------------------------------------------------------------------------------

template <class Function>
Int8Table FunctionTable(const Int8Scales& scales, const Function& function) {
  const float steps_per_unit = 1.0f / scales.output.scale;
  const auto zero_point = static_cast<float>(scales.output.zero_point);
  return Tabulate([&](int q) {
    const float x = static_cast<float>(q - scales.input.zero_point) * scales.input.scale;
    const float steps = static_cast<float>(function(double{x})) * steps_per_unit;
    return Saturate(std::llrint(std::clamp(steps + zero_point, -1e6f, 1e6f)));
  });
}

Int8Table LeakyReluTable(float slope, const Int8Scales& scales) {
  const float ratio = scales.input.scale / scales.output.scale;
  const int64_t positive = std::llrint(256.0f * ratio);
  const int64_t negative = std::llrint(256.0f * (ratio * slope));
  return Tabulate([&](int q) {
    const int64_t value = q - scales.input.zero_point;
    const int64_t product = value * (value < 0 ? negative : positive) + 128;
    return Saturate((product >> 8) + scales.output.zero_point);
  });
}

}  // namespace

Int8Table TableOf(const UnaryFunction& function, const Int8Scales& scales) {
  switch (function.function) {
    case Elementwise::kHardSwish:
      return HardSwishTable(scales);
    case Elementwise::kLeakyRelu:
      return LeakyReluTable(function.s, scales);
    case Elementwise::kElu:
      return FunctionTable(scales, [](double x) { return x < 0.0 ? std::expm1(x) : x; });
    case Elementwise::kTanh:
      return FunctionTable(scales, [](double x) { return std::tanh(x); });
    default:
      return FunctionTable(scales, [](double x) { return 1.0 / (1.0 + std::exp(-x)); });
  }
}

Int8Table ClampTable(Activation activation, const Int8Scales& scales) {
  const FixedPoint factor = FixedPointOf(scales.input.scale / scales.output.scale);
  const Int8Range range = TfLiteRangeOf(activation, scales.output);
  return Tabulate([&](int q) {
    return Saturate(scales.output.zero_point + Scaled(q - scales.input.zero_point, factor),
                    range.min, range.max);
  });
}

Int8Table RequantizationTable(const Int8Scales& scales) {
  const int64_t factor = std::llrint(256.0f * scales.input.scale / scales.output.scale);
  return Tabulate([&](int q) {
    const int64_t product = factor * (q - scales.input.zero_point) + 128;
    return Saturate((product >> 8) + scales.output.zero_point);
  });
}

Int8Table ArithmeticTable(Elementwise function, const Int8Constant& constant, bool constant_first,
                          Int8Range range, const Int8Scales& scales) {
  const float number_scale = constant.quantization.scale;
  const int64_t number = constant.value - constant.quantization.zero_point;
  if (function == Elementwise::kMultiply) {
    const ProductScale scale =
        MakeProductScale(scales.input.scale * number_scale / scales.output.scale);
    return Tabulate([&](int q) {
      const int64_t product = (q - scales.input.zero_point) * number;
      return Saturate(ScaledProduct(product, scale) + scales.output.zero_point, range.min,
                      range.max);
    });
  }
  const QuadFunction difference =
      constant_first ? QuadFunction::kReverseSubtract : QuadFunction::kSubtract;
  const QuadOperands operands = {scales.input, constant.quantization, scales.output, range.min,
                                 range.max};
  // Of kernels that store values as they are.
  const QuadSum sum = MakeQuadSum(function == Elementwise::kAdd ? QuadFunction::kAdd : difference,
                                  operands, kInt8Portable);
  return Tabulate([&](int q) {
    const int64_t total =
        int64_t{sum.a_multiplier} * q + int64_t{sum.b_multiplier} * constant.value + sum.bias;
    return Saturate((total >> sum.shift) + scales.output.zero_point, range.min, range.max);
  });
}

}  // namespace ubp
