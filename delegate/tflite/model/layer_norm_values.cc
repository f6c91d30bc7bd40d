// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/layer_norm_values.h"

#include <cstdlib>
#include <utility>

#include "delegate/tflite/model/builtin_readers.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// A layer normalisation takes ten nodes or so; without a limit, a file of many sums of sums would take a
// time that grows with the square of their number.
constexpr size_t kMostNodes = 32;

using Form = NormValue::Form;
using Value = std::optional<NormValue>;

NormValue TensorItself(int tensor) {
  NormValue value;
  value.x = tensor;
  value.of_x = 1;
  return value;
}

// A sum without factors and offset.
bool IsPlainSum(const NormValue& value) {
  return value.form == Form::kSum && value.root < 0 && value.offset.tensor < 0;
}

bool IsDifference(const NormValue& value) {
  return IsPlainSum(value) && std::abs(value.of_x) == 1 && value.of_x == -value.of_mean;
}

Value Squares(const NormValue& value) {
  NormValue squares;
  squares.form = Form::kSquares;
  squares.x = value.x;
  return squares;
}

// a - b, or a + b.
Value Sum(NormValue a, const NormValue& b, int sign) {
  const bool alike = a.form == Form::kSum && b.form == Form::kSum && a.root == b.root &&
                     a.scale.tensor == b.scale.tensor;
  // An offset has no sign of its own; and there is none that is to be multiplied yet.
  const bool offsets = b.offset.tensor < 0 || (sign > 0 && a.offset.tensor < 0);
  if (!alike || !offsets) return std::nullopt;
  a.of_x += sign * b.of_x;
  a.of_mean += sign * b.of_mean;
  if (b.offset.tensor >= 0) a.offset = b.offset;
  return a;
}

Value Product(const NormValue& a, const NormValue& b) {
  if (IsDifference(a) && IsDifference(b)) return Squares(a);
  const NormValue& root = a.form == Form::kRoot ? a : b;
  const NormValue& sum = a.form == Form::kRoot ? b : a;
  if (root.form != Form::kRoot || !IsPlainSum(sum)) return std::nullopt;
  NormValue product = sum;
  product.root = root.root;
  product.epsilon = root.epsilon;
  product.scale = root.scale;
  return product;
}

Value Negative(NormValue value) {
  if (value.form != Form::kSum || value.offset.tensor >= 0) return std::nullopt;
  value.of_x = -value.of_x;
  value.of_mean = -value.of_mean;
  return value;
}

// Of the last axis, which is kept.
bool ReducesChannels(const NodeView& view) {
  const auto* const params = view.Parameters<builtin::MeanParams>();
  std::vector<int32_t> axis;
  if (params == nullptr || params->keep_dims == 0 || view.Input(0) == nullptr) return false;
  const int rank = static_cast<int>(FileDims(*view.Input(0)).size());
  return view.ReadInts(1, "list of axes", 1, &axis).ok() && rank > 0 &&
         (axis[0] == -1 || axis[0] == rank - 1);
}

// The place of the constant operand of two, or -1.
int ConstantPlace(const NodeView& view) {
  for (const int place : {0, 1}) {
    if (view.Input(place) != nullptr && IsConstant(*view.Input(place))) return place;
  }
  return -1;
}

bool MayHaveActivation(int code) {
  return code == kTfLiteBuiltinAdd || code == kTfLiteBuiltinSub || code == kTfLiteBuiltinMul;
}

}  // namespace

const NormValue* NormValues::Follow(size_t node, const TfLiteNode& tflite_node, int builtin_code) {
  const NodeView view(context_, tflite_node);
  if (view.Output() == nullptr || view.num_inputs() < 1) return nullptr;
  Value value = ValueOf(node, view, builtin_code);
  if (!value) return nullptr;
  if (MayHaveActivation(builtin_code)) {
    const auto* const params = view.Parameters<builtin::ArithmeticParams>();
    if (params == nullptr || !ReadActivation(params->activation, &value->activation).ok()) {
      return nullptr;
    }
  }
  for (int i = 0; i < view.num_inputs(); ++i) {
    const NormValue* const read = Known(view.InputIndex(i));
    if (read != nullptr && read->x == value->x && view.InputIndex(i) != value->x) {
      value->nodes.insert(read->nodes.begin(), read->nodes.end());
    }
  }
  value->nodes.insert(node);
  if (value->nodes.size() > kMostNodes) return nullptr;
  return &(values_[view.OutputIndex()] = *std::move(value));
}

const NormValue* NormValues::Known(int tensor) const {
  const auto found = values_.find(tensor);
  const bool ends = found == values_.end() || found->second.activation != Activation::kNone;
  return ends ? nullptr : &found->second;
}

Value NormValues::ValueOf(size_t node, const NodeView& view, int builtin_code) const {
  const NormValue* const first = Known(view.InputIndex(0));
  switch (builtin_code) {
    case kTfLiteBuiltinMean:
      return ReducesChannels(view) ? MeanOf(view) : std::nullopt;
    case kTfLiteBuiltinNeg:
      return first != nullptr ? Negative(*first) : std::nullopt;
    case kTfLiteBuiltinRsqrt: {
      if (first == nullptr || first->form != Form::kShifted) return std::nullopt;
      NormValue root = *first;
      root.form = Form::kRoot;
      root.root = view.OutputIndex();
      return root;
    }
    case kTfLiteBuiltinAdd:
    case kTfLiteBuiltinSub:
    case kTfLiteBuiltinMul:
    case kTfLiteBuiltinSquaredDifference:
      return view.num_inputs() == 2 ? ArithmeticOf(node, view, builtin_code) : std::nullopt;
    default:
      return std::nullopt;
  }
}

Value NormValues::MeanOf(const NodeView& view) const {
  const NormValue* const read = Known(view.InputIndex(0));
  NormValue mean;
  if (read != nullptr && read->form == Form::kSquares) {
    mean = *read;
    mean.form = Form::kVariance;
    return mean;
  }
  mean.x = view.InputIndex(0);
  mean.of_mean = 1;
  return mean;
}

bool NormValues::Operands(const NodeView& view, NormValue* a, NormValue* b) const {
  const int first = view.InputIndex(0), second = view.InputIndex(1);
  const NormValue* const of_first = Known(first);
  const NormValue* const of_second = Known(second);
  if (of_second != nullptr && of_second->x == first) {
    *a = TensorItself(first);
    *b = *of_second;
  } else if (of_first != nullptr && of_first->x == second) {
    *a = *of_first;
    *b = TensorItself(second);
  } else if (of_first != nullptr && of_second != nullptr && of_first->x == of_second->x) {
    *a = *of_first;
    *b = *of_second;
  } else {
    return false;
  }
  return true;
}

Value NormValues::ArithmeticOf(size_t node, const NodeView& view, int builtin_code) const {
  const int place = ConstantPlace(view);
  if (place >= 0) {
    const NormValue* const value = Known(view.InputIndex(1 - place));
    if (value == nullptr) return std::nullopt;
    const ConstantInput constant{view.InputIndex(place), node, place};
    return WithConstant(*value, constant, builtin_code);
  }
  NormValue a, b;
  if (!Operands(view, &a, &b)) return std::nullopt;
  switch (builtin_code) {
    case kTfLiteBuiltinAdd:
      return Sum(a, b, 1);
    case kTfLiteBuiltinSub:
      return Sum(a, b, -1);
    case kTfLiteBuiltinMul:
      return Product(a, b);
    default: {
      const Value difference = IsPlainSum(a) && IsPlainSum(b) ? Sum(a, b, -1) : std::nullopt;
      return difference && IsDifference(*difference) ? Squares(a) : std::nullopt;
    }
  }
}

Value NormValues::WithConstant(const NormValue& value, const ConstantInput& constant,
                               int builtin_code) const {
  NormValue result = value;
  if (builtin_code == kTfLiteBuiltinMul) {
    const bool suits = value.root >= 0 && value.scale.tensor < 0 && value.offset.tensor < 0;
    result.scale = constant;
    return suits ? Value(result) : std::nullopt;
  }
  if (builtin_code == kTfLiteBuiltinAdd && value.form == Form::kVariance) {
    result.form = Form::kShifted;
    result.epsilon = constant;
    return result;
  }
  // An offset that is added, or that the value is taken from.
  const bool is_added = builtin_code == kTfLiteBuiltinAdd;
  const bool is_first = builtin_code == kTfLiteBuiltinSub && constant.place == 0;
  if (value.form != Form::kSum || value.root < 0 || value.offset.tensor >= 0 ||
      !(is_added || is_first)) {
    return std::nullopt;
  }
  if (is_first) result = *Negative(value);
  result.offset = constant;
  return result;
}

}  // namespace ubp
