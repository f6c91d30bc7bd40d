// Elementwise operators.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "delegate/tflite/model/builtin_readers.h"

namespace ubp {
namespace {

// The constant operand in place `input` of two, `what`: a number for each channel of the other
// operand, or one for all, of any rank up to that operand's.
Status ReadConstantOperand(const NodeView& node, int input, const std::string& what,
                           ConstantOperand* operand) {
  const Dims dims = FileDims(*node.Input(1 - input));
  const Dims constant = FileDims(*node.Input(input));
  const int count = constant.empty() ? 1 : constant.back();
  const size_t ones = static_cast<size_t>(std::count(constant.begin(), constant.end(), 1));
  const bool in_last = ones + (count == 1 ? 0 : 1) >= constant.size();
  const bool per_channel = !dims.empty() && count == dims.back();
  if (constant.size() > dims.size() || !in_last || count < 1 || (count > 1 && !per_channel)) {
    return Status::Error("the " + what + " has shape " + ToString(constant) + " and the input " +
                         ToString(dims) + ", expected one number or one for each channel.");
  }
  operand->count = count;
  operand->rank = static_cast<int>(constant.size());
  operand->first = input == 0;
  return node.ReadFloats(input, what, count, &operand->values);
}

Status ReadClamp(Activation activation, GraphOp* op) {
  op->attributes.activation = activation;
  return Status::Ok();
}

}  // namespace

Status ReadArithmetic(const NodeView& node, GraphOp* op) {
  const builtin::ArithmeticParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(ReadActivation(params->activation, &op->attributes));
  for (const int input : {0, 1}) {
    if (!IsConstant(*node.Input(input))) continue;
    return ReadConstantOperand(node, input, "constant operand", &op->constant);
  }
  // Anything else that broadcasts runs as well, slower, where a resize brings it about.
  const Dims first = FileDims(*node.Input(0));
  const Dims second = FileDims(*node.Input(1));
  if (first == second || IsVectorFor(first, second) || IsVectorFor(second, first)) {
    return Status::Ok();
  }
  return Status::Error("operands of shapes " + ToString(first) + " and " + ToString(second) +
                       ", expected equal ones, or an image and [batch, 1, 1, channels].");
}

Status ReadRelu(const NodeView&, GraphOp* op) { return ReadClamp(Activation::kRelu, op); }
Status ReadReluN1To1(const NodeView&, GraphOp* op) { return ReadClamp(Activation::kReluN1To1, op); }
Status ReadRelu6(const NodeView&, GraphOp* op) { return ReadClamp(Activation::kRelu6, op); }

Status ReadLeakyRelu(const NodeView& node, GraphOp* op) {
  const builtin::LeakyReluParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  if (!std::isfinite(params->alpha)) {
    return Status::Error("the alpha is " + std::to_string(params->alpha) + ".");
  }
  op->function = {Elementwise::kLeakyRelu, params->alpha};
  return Status::Ok();
}

Status ReadPRelu(const NodeView& node, GraphOp* op) {
  if (node.Input(kConstantInput) == nullptr) return Status::Error("the alpha is missing.");
  op->function.function = Elementwise::kLeakyRelu;
  return ReadConstantOperand(node, kConstantInput, "alpha", &op->constant);
}

Status ReadGelu(const NodeView& node, GraphOp* op) {
  const builtin::GeluParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  op->function.function = params->approximate != 0 ? Elementwise::kGeluTanh : Elementwise::kGelu;
  return Status::Ok();
}

}  // namespace ubp
