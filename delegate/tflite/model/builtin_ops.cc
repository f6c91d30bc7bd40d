#include "delegate/tflite/model/builtin_ops.h"

#include <limits>

#include "delegate/tflite/model/builtin_readers.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// In place of a number of activations: all inputs, or all that are not constant.
constexpr int kAllInputs = -1;
constexpr int kNotConstant = -2;
constexpr int kAnyNumber = std::numeric_limits<int>::max();

static_assert(static_cast<int>(builtin::Activation::kRelu6) == static_cast<int>(Activation::kRelu6),
              "the runtime and the file number activations alike");

constexpr BuiltinOp kBuiltinOps[] = {
    {kTfLiteBuiltinConv2d, OpType::kConv2D, 1, 4, 2, 3, &ReadConv2D},
    {kTfLiteBuiltinDepthwiseConv2d, OpType::kDepthwiseConv2D, 1, 4, 2, 3, &ReadDepthwiseConv2D},
    {kTfLiteBuiltinFullyConnected, OpType::kFullyConnected, 1, 0, 2, 3, &ReadFullyConnected},
    {kTfLiteBuiltinMaxPool2d, OpType::kMaxPool2D, 1, 4, 1, 1, &ReadPool2D},
    {kTfLiteBuiltinAveragePool2d, OpType::kAveragePool2D, 1, 4, 1, 1, &ReadPool2D},
    {kTfLiteBuiltinMean, OpType::kMean, 1, 4, 2, 2, &ReadMean},
    {kTfLiteBuiltinPad, OpType::kPad, 1, 4, 2, 2, &ReadPad},
    {kTfLiteBuiltinReshape, OpType::kReshape, 1, 0, 1, 2, &ReadReshape},
    {kTfLiteBuiltinConcatenation, OpType::kConcatenation, kAllInputs, 0, 1, kAnyNumber,
     &ReadConcatenation},
    {kTfLiteBuiltinSoftmax, OpType::kSoftmax, 1, 2, 1, 1, &ReadSoftmax},
    {kTfLiteBuiltinAdd, OpType::kAdd, kNotConstant, 0, 2, 2, &ReadArithmetic},
    {kTfLiteBuiltinSub, OpType::kSub, kNotConstant, 0, 2, 2, &ReadArithmetic},
    {kTfLiteBuiltinMul, OpType::kMul, kNotConstant, 0, 2, 2, &ReadArithmetic},
    {kTfLiteBuiltinRelu, OpType::kClamp, 1, 0, 1, 1, &ReadRelu},
    {kTfLiteBuiltinReluN1To1, OpType::kClamp, 1, 0, 1, 1, &ReadReluN1To1},
    {kTfLiteBuiltinRelu6, OpType::kClamp, 1, 0, 1, 1, &ReadRelu6},
    {kTfLiteBuiltinLeakyRelu, OpType::kFunction, 1, 0, 1, 1, &ReadLeakyRelu},
    {kTfLiteBuiltinPrelu, OpType::kFunction, 1, 0, 2, 2, &ReadPRelu},
    {kTfLiteBuiltinElu, OpType::kFunction, 1, 0, 1, 1, &ReadFunction<Elementwise::kElu>},
    {kTfLiteBuiltinGelu, OpType::kFunction, 1, 0, 1, 1, &ReadGelu},
    {kTfLiteBuiltinHardSwish, OpType::kFunction, 1, 0, 1, 1,
     &ReadFunction<Elementwise::kHardSwish>},
    {kTfLiteBuiltinLogistic, OpType::kFunction, 1, 0, 1, 1, &ReadFunction<Elementwise::kLogistic>},
    {kTfLiteBuiltinTanh, OpType::kFunction, 1, 0, 1, 1, &ReadFunction<Elementwise::kTanh>},
    {kTfLiteBuiltinExp, OpType::kFunction, 1, 0, 1, 1, &ReadFunction<Elementwise::kExp>},
    {kTfLiteBuiltinLog, OpType::kFunction, 1, 0, 1, 1, &ReadFunction<Elementwise::kLog>},
};

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

Status ReadActivation(builtin::Activation activation, LayerAttributes* out) {
  static const char* const kNames[] = {"NONE", "RELU",     "RELU_N1_TO_1", "RELU6",
                                       "TANH", "SIGN_BIT", "SIGMOID"};
  const auto number = static_cast<int32_t>(activation);
  if (number >= 0 && number <= static_cast<int32_t>(Activation::kRelu6)) {
    out->activation = static_cast<Activation>(number);
    return Status::Ok();
  }
  const bool known = number > 0 && number <= static_cast<int32_t>(builtin::Activation::kSigmoid);
  return Status::Error("the fused activation is " +
                       (known ? kNames[number] : std::to_string(number)) + ".");
}

const BuiltinOp* FindBuiltinOp(int code) {
  for (const BuiltinOp& op : kBuiltinOps) {
    if (op.code == code) return &op;
  }
  return nullptr;
}

std::vector<int> ActivationInputs(const BuiltinOp& builtin, const NodeView& node) {
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
  // Those of an operator without weights; the others' are read.
  op->attributes.in_channels = op->attributes.out_channels = 0;
  return builtin.read(node, op);
}

}  // namespace ubp
