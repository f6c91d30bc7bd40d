#include "delegate/tflite/model/builtin_ops.h"

#include "delegate/tflite/model/builtin_readers.h"
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
  for (const int i : activations) {
    UBP_RETURN_IF_ERROR(CheckActivation(node.Input(i), "input"));
    if (builtin.input_rank > 0) {
      UBP_RETURN_IF_ERROR(CheckRank(node.Input(i), "input", builtin.input_rank));
    } else if (FileDims(*node.Input(i)).empty()) {
      return Status::Error("the input has no dimensions.");
    }
  }
  UBP_RETURN_IF_ERROR(CheckActivation(node.Output(), "output"));
  return builtin.read(node, op);
}

}  // namespace ubp
