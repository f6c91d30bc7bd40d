// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/builtin_ops.h"

#include "delegate/tflite/model/builtin_readers.h"
#include "delegate/tflite/model/quantized_tensors.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

static_assert(static_cast<int>(builtin::Activation::kRelu6) == static_cast<int>(Activation::kRelu6),
              "the runtime and the file number activations alike");

}  // namespace

Status CheckRange(const std::string& what, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return Status::Ok();
  return Status::Error("the " + what + " is " + std::to_string(value) + ", expected " +
                       std::to_string(min) + " to " + std::to_string(max) + ".");
}

Status CheckRank(const TfLiteTensor* tensor, const std::string& what, size_t rank) {
  if (tensor == nullptr) return Status::Error("the " + what + " is missing.");
  const Dims dims = FileDims(*tensor);
  if (dims.size() == rank) return Status::Ok();
  return Status::Error("the " + what + " has shape " + ToString(dims) + ", expected " +
                       std::to_string(rank) + " dimensions.");
}

Status CheckSameQuantization(const NodeView& node, const std::vector<int>& inputs,
                             const GraphOp& op) {
  if (!op.is_int8()) return Status::Ok();
  Quantization output;
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Output(), "output", &output));
  for (const int i : inputs) {
    Quantization input;
    UBP_RETURN_IF_ERROR(ReadQuantization(*node.Input(i), "input", &input));
    if (input == output) continue;
    return Status::Error("an int8 input with the scale " + std::to_string(input.scale) +
                         " and the zero point " + std::to_string(input.zero_point) +
                         ", and an output with " + std::to_string(output.scale) + " and " +
                         std::to_string(output.zero_point) + ".");
  }
  return Status::Ok();
}

Status CheckRequantization(const NodeView& node, int input,
                           const std::vector<float>& weight_scales) {
  constexpr float kLeast = 0x1p-32f;
  constexpr float kMost = 256.0f;
  Quantization read, output;
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Input(input), "input", &read));
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Output(), "output", &output));
  for (const float scale : weight_scales) {
    const float factor = read.scale * scale / output.scale;
    if (factor >= kLeast && factor < kMost) continue;
    return Status::Error("sums of an int8 layer are scaled by " + std::to_string(factor) +
                         ", expected 2^-32 to 256.");
  }
  return Status::Ok();
}

Status ReadActivation(builtin::Activation activation, Activation* out) {
  static const char* const kNames[] = {"NONE", "RELU",     "RELU_N1_TO_1", "RELU6",
                                       "TANH", "SIGN_BIT", "SIGMOID"};
  const auto number = static_cast<int32_t>(activation);
  if (number >= 0 && number <= static_cast<int32_t>(Activation::kRelu6)) {
    *out = static_cast<Activation>(number);
    return Status::Ok();
  }
  const bool known = number > 0 && number <= static_cast<int32_t>(builtin::Activation::kSigmoid);
  return Status::Error("the fused activation is " +
                       (known ? kNames[number] : std::to_string(number)) + ".");
}

const BuiltinOp* FindBuiltinOp(int code) {
  for (const BuiltinOps& ops : {LayerOps(), TransposeConvOps(), ElementwiseOps(), ShapingOps()}) {
    for (size_t i = 0; i < ops.count; ++i) {
      if (ops.rows[i].code == code) return &ops.rows[i];
    }
  }
  return nullptr;
}

std::vector<int> ActivationInputs(const BuiltinOp& builtin, const NodeView& node) {
  if (builtin.activations == kThird) return {2};
  const int places = builtin.activations < 0 ? node.num_inputs() : builtin.activations;
  std::vector<int> activations;
  for (int i = 0; i < places; ++i) {
    const TfLiteTensor* input = node.Input(i);
    const bool constant = input != nullptr && IsConstant(*input);
    if (builtin.activations != kNotConstant || !constant) activations.push_back(i);
  }
  return activations;
}

Status ReadBuiltinOp(const BuiltinOp& builtin, const NodeView& node, GraphOp* op) {
  UBP_RETURN_IF_ERROR(
      CheckRange("number of inputs", node.num_inputs(), builtin.min_inputs, builtin.max_inputs));
  const std::vector<int> activations = ActivationInputs(builtin, node);
  if (activations.empty()) return Status::Error("all inputs are constant.");
  const TfLiteTensor* const first = node.Input(activations[0]);
  const bool is_int8 = builtin.takes_int8 && first != nullptr && first->type == kTfLiteInt8;
  op->elements = is_int8 ? ElementType::kInt8 : ElementType::kFloat32;
  for (const int i : activations) {
    UBP_RETURN_IF_ERROR(CheckActivation(node.Input(i), "input", op->elements));
    if (builtin.input_rank > 0) {
      UBP_RETURN_IF_ERROR(CheckRank(node.Input(i), "input", builtin.input_rank));
    } else if (FileDims(*node.Input(i)).empty()) {
      return Status::Error("the input has no dimensions.");
    }
  }
  UBP_RETURN_IF_ERROR(CheckActivation(node.Output(), "output", op->elements));
  return builtin.read(node, op);
}

}  // namespace ubp
