// SPDX-License-Identifier: Apache-2.0
// Elementwise operators.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>

#include "delegate/tflite/model/builtin_readers.h"
#include "delegate/tflite/model/quantized_tensors.h"
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

// The same of an int8 op.
Status ReadInt8Constant(const NodeView& node, int input, ArithmeticOp* arithmetic) {
  const TfLiteTensor& tensor = *node.Input(input);
  const Dims dims = FileDims(tensor);
  const int8_t* value = nullptr;
  const Status status = node.ReadInt8(input, "constant operand", 1, &value);
  if (!status.ok() || dims.size() > FileDims(*node.Input(1 - input)).size()) {
    return Status::Error("the constant operand has shape " + ToString(dims) +
                         ", expected one number in int8.");
  }
  arithmetic->int8.value = *value;
  arithmetic->constant.count = 1;
  arithmetic->constant.rank = static_cast<int>(dims.size());
  arithmetic->constant.first = input == 0;
  return ReadQuantization(tensor, "constant operand", &arithmetic->int8.quantization);
}

// What an int8 op of one tensor multiplies its values with.
Status ReadScaling(const NodeView& node, float* factor) {
  Quantization input, output;
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Input(0), "input", &input));
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Output(), "output", &output));
  *factor = input.scale / output.scale;
  return Status::Ok();
}

// Of an int8 op of two tensors: that XNNPACK takes their scales. What it does not take, other kernels
// of the interpreter compute, and round otherwise.
Status CheckInt8Operands(const NodeView& node, Elementwise function) {
  Quantization scales[3];
  for (const int i : {0, 1}) {
    UBP_RETURN_IF_ERROR(ReadQuantization(*node.Input(i), "operand", &scales[i]));
  }
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Output(), "output", &scales[2]));
  const auto check = [](float factor, float least) {
    if (factor >= least && factor < 256.0f) return Status::Ok();
    return Status::Error("int8 operands are scaled by " + std::to_string(factor) + ", expected " +
                         std::to_string(least) + " to 256.");
  };
  if (function == Elementwise::kMultiply) {
    if (node.InputIndex(0) == node.InputIndex(1)) {
      return Status::Error("an int8 tensor times itself, which XNNPACK rounds otherwise.");
    }
    return check(scales[0].scale * scales[1].scale / scales[2].scale, 0x1p-16f);
  }
  UBP_RETURN_IF_ERROR(check(scales[0].scale / scales[2].scale, 0x1p-10f));
  return check(scales[1].scale / scales[2].scale, 0x1p-10f);
}

// Of int8 with products that 64 bits hold.
template <Activation kActivation>
Status ReadClamp(const NodeView& node, GraphOp* op) {
  op->activation = kActivation;
  op->details = ClampOp();
  if (!op->is_int8()) return Status::Ok();
  float factor = 0.0f;
  UBP_RETURN_IF_ERROR(ReadScaling(node, &factor));
  if (factor >= 0x1p-24f && factor < 0x1p22f) return Status::Ok();
  return Status::Error("int8 values are scaled by " + std::to_string(factor) +
                       ", expected 2^-24 to 2^22.");
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
    UBP_RETURN_IF_ERROR(
        op->is_int8() ? ReadInt8Constant(node, input, &arithmetic)
                      : ReadConstantOperand(node, input, "constant operand", &arithmetic.constant));
  }
  op->details = arithmetic;
  if (op->is_int8()) UBP_RETURN_IF_ERROR(CheckInt8Operands(node, kFunction));
  if (arithmetic.constant.count > 0) return Status::Ok();
  // Anything else that broadcasts runs as well, slower, where a resize brings it about; of int8 it is
  // refused then.
  const Dims first = FileDims(*node.Input(0));
  const Dims second = FileDims(*node.Input(1));
  if (first == second || IsVectorFor(first, second) || IsVectorFor(second, first)) {
    return Status::Ok();
  }
  return Status::Error("operands of shapes " + ToString(first) + " and " + ToString(second) +
                       ", expected equal ones, or an image and [batch, 1, 1, channels].");
}

// XNNPACK's range; what it does not take, other kernels of the interpreter compute, and round otherwise.
Status ReadRequantize(const NodeView& node, GraphOp* op) {
  if (!op->is_int8()) return Status::Error("QUANTIZE of float32 is left to the interpreter.");
  op->details = RequantizeOp();
  float factor = 0.0f;
  UBP_RETURN_IF_ERROR(ReadScaling(node, &factor));
  if (factor >= 0x1p-8f && factor < 0x1p7f) return Status::Ok();
  return Status::Error("int8 values are scaled by " + std::to_string(factor) +
                       ", expected 2^-8 to 2^7.");
}

#if defined(__aarch64__) || defined(__arm__)
constexpr bool kIsArm = true;
#else
constexpr bool kIsArm = false;
#endif

// Of int8 with shifts of less than 16 bits. On Arm the interpreter rounds ties up in whole groups of 8
// values, and away from zero in the rest of a tensor.
Status ReadHardSwish(const NodeView& node, GraphOp* op) {
  op->details = FunctionOp{{}, {Elementwise::kHardSwish}, {}};
  if (!op->is_int8()) return Status::Ok();
  if (kIsArm) {
    return Status::Error("on Arm the interpreter rounds an int8 HARD_SWISH by a value's place.");
  }
  Quantization input, output;
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Input(0), "input", &input));
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Output(), "output", &output));
  const float factor = input.scale / 128.0f / output.scale;
  if (factor >= 0x1p-16f && factor < 0.5f) return Status::Ok();
  return Status::Error("an int8 HARD_SWISH from the scale " + std::to_string(input.scale) + " to " +
                       std::to_string(output.scale) + ", expected a 64th to 512 times of it.");
}

// A function without parameters.
template <Elementwise kFunction>
Status ReadFunction(const NodeView&, GraphOp* op) {
  op->details = FunctionOp{{}, {kFunction}, {}};
  return Status::Ok();
}

// XNNPACK's range, as for QUANTIZE, of values above and below zero.
Status CheckInt8Slopes(const NodeView& node, float alpha) {
  float factor = 0.0f;
  UBP_RETURN_IF_ERROR(ReadScaling(node, &factor));
  for (const float each : {factor, factor * alpha}) {
    if (std::fabs(each) >= 0x1p-8f && std::fabs(each) < 127.0f) continue;
    return Status::Error("int8 values are scaled by " + std::to_string(each) +
                         ", expected 2^-8 to 127.");
  }
  return Status::Ok();
}

Status ReadLeakyRelu(const NodeView& node, GraphOp* op) {
  const builtin::LeakyReluParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  if (!std::isfinite(params->alpha)) {
    return Status::Error("the alpha is " + std::to_string(params->alpha) + ".");
  }
  op->details = FunctionOp{{}, {Elementwise::kLeakyRelu, params->alpha}, {}};
  return op->is_int8() ? CheckInt8Slopes(node, params->alpha) : Status::Ok();
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
    {kTfLiteBuiltinAdd, kNotConstant, 0, 2, 2, true, &ReadArithmetic<Elementwise::kAdd>},
    {kTfLiteBuiltinSub, kNotConstant, 0, 2, 2, true, &ReadArithmetic<Elementwise::kSubtract>},
    {kTfLiteBuiltinMul, kNotConstant, 0, 2, 2, true, &ReadArithmetic<Elementwise::kMultiply>},
    {kTfLiteBuiltinRelu, 1, 0, 1, 1, true, &ReadClamp<Activation::kRelu>},
    {kTfLiteBuiltinReluN1To1, 1, 0, 1, 1, true, &ReadClamp<Activation::kReluN1To1>},
    {kTfLiteBuiltinRelu6, 1, 0, 1, 1, true, &ReadClamp<Activation::kRelu6>},
    {kTfLiteBuiltinLeakyRelu, 1, 0, 1, 1, true, &ReadLeakyRelu},
    {kTfLiteBuiltinPrelu, 1, 0, 2, 2, false, &ReadPRelu},
    {kTfLiteBuiltinElu, 1, 0, 1, 1, true, &ReadFunction<Elementwise::kElu>},
    {kTfLiteBuiltinGelu, 1, 0, 1, 1, false, &ReadGelu},
    {kTfLiteBuiltinHardSwish, 1, 0, 1, 1, true, &ReadHardSwish},
    {kTfLiteBuiltinLogistic, 1, 0, 1, 1, true, &ReadFunction<Elementwise::kLogistic>},
    {kTfLiteBuiltinTanh, 1, 0, 1, 1, true, &ReadFunction<Elementwise::kTanh>},
    {kTfLiteBuiltinQuantize, 1, 0, 1, 1, true, &ReadRequantize},
    {kTfLiteBuiltinExp, 1, 0, 1, 1, false, &ReadFunction<Elementwise::kExp>},
    {kTfLiteBuiltinLog, 1, 0, 1, 1, false, &ReadFunction<Elementwise::kLog>},
};

}  // namespace

BuiltinOps ElementwiseOps() { return {kOps, std::size(kOps)}; }

}  // namespace ubp
