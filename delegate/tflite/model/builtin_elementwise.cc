// Elementwise operators.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>

#include "delegate/tflite/model/builtin_readers.h"
#include "tensorflow/lite/builtin_ops.h"

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

template <Activation kActivation>
Status ReadClamp(const NodeView&, GraphOp* op) {
  op->activation = kActivation;
  op->details = ClampOp();
  return Status::Ok();
}

template <Elementwise kFunction>
Status ReadArithmetic(const NodeView& node, GraphOp* op) {
  const builtin::ArithmeticParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(ReadActivation(params->activation, &op->activation));
  ArithmeticOp arithmetic;
  arithmetic.function = kFunction;
  for (const int input : {0, 1}) {
    if (!IsConstant(*node.Input(input))) continue;
    UBP_RETURN_IF_ERROR(ReadConstantOperand(node, input, "constant operand", &arithmetic.constant));
  }
  op->details = arithmetic;
  if (arithmetic.constant.values != nullptr) return Status::Ok();
  // Anything else that broadcasts runs as well, slower, where a resize brings it about.
  const Dims first = FileDims(*node.Input(0));
  const Dims second = FileDims(*node.Input(1));
  if (first == second || IsVectorFor(first, second) || IsVectorFor(second, first)) {
    return Status::Ok();
  }
  return Status::Error("operands of shapes " + ToString(first) + " and " + ToString(second) +
                       ", expected equal ones, or an image and [batch, 1, 1, channels].");
}

// A function without parameters.
template <Elementwise kFunction>
Status ReadFunction(const NodeView&, GraphOp* op) {
  op->details = FunctionOp{{}, {kFunction}, {}};
  return Status::Ok();
}

Status ReadLeakyRelu(const NodeView& node, GraphOp* op) {
  const builtin::LeakyReluParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  if (!std::isfinite(params->alpha)) {
    return Status::Error("the alpha is " + std::to_string(params->alpha) + ".");
  }
  op->details = FunctionOp{{}, {Elementwise::kLeakyRelu, params->alpha}, {}};
  return Status::Ok();
}

Status ReadPRelu(const NodeView& node, GraphOp* op) {
  if (node.Input(kConstantInput) == nullptr) return Status::Error("the alpha is missing.");
  FunctionOp function{{}, {Elementwise::kLeakyRelu}, {}};
  UBP_RETURN_IF_ERROR(ReadConstantOperand(node, kConstantInput, "alpha", &function.constant));
  op->details = function;
  return Status::Ok();
}

Status ReadGelu(const NodeView& node, GraphOp* op) {
  const builtin::GeluParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  const bool exact = params->approximate == 0;
  op->details = FunctionOp{{}, {exact ? Elementwise::kGelu : Elementwise::kGeluTanh}, {}};
  return Status::Ok();
}

constexpr BuiltinOp kOps[] = {
    {kTfLiteBuiltinAdd, kNotConstant, 0, 2, 2, &ReadArithmetic<Elementwise::kAdd>},
    {kTfLiteBuiltinSub, kNotConstant, 0, 2, 2, &ReadArithmetic<Elementwise::kSubtract>},
    {kTfLiteBuiltinMul, kNotConstant, 0, 2, 2, &ReadArithmetic<Elementwise::kMultiply>},
    {kTfLiteBuiltinRelu, 1, 0, 1, 1, &ReadClamp<Activation::kRelu>},
    {kTfLiteBuiltinReluN1To1, 1, 0, 1, 1, &ReadClamp<Activation::kReluN1To1>},
    {kTfLiteBuiltinRelu6, 1, 0, 1, 1, &ReadClamp<Activation::kRelu6>},
    {kTfLiteBuiltinLeakyRelu, 1, 0, 1, 1, &ReadLeakyRelu},
    {kTfLiteBuiltinPrelu, 1, 0, 2, 2, &ReadPRelu},
    {kTfLiteBuiltinElu, 1, 0, 1, 1, &ReadFunction<Elementwise::kElu>},
    {kTfLiteBuiltinGelu, 1, 0, 1, 1, &ReadGelu},
    {kTfLiteBuiltinHardSwish, 1, 0, 1, 1, &ReadFunction<Elementwise::kHardSwish>},
    {kTfLiteBuiltinLogistic, 1, 0, 1, 1, &ReadFunction<Elementwise::kLogistic>},
    {kTfLiteBuiltinTanh, 1, 0, 1, 1, &ReadFunction<Elementwise::kTanh>},
    {kTfLiteBuiltinExp, 1, 0, 1, 1, &ReadFunction<Elementwise::kExp>},
    {kTfLiteBuiltinLog, 1, 0, 1, 1, &ReadFunction<Elementwise::kLog>},
};

}  // namespace

BuiltinOps ElementwiseOps() { return {kOps, std::size(kOps)}; }

}  // namespace ubp
