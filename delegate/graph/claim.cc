#include "delegate/graph/claim.h"

#include <cstring>

#include "delegate/format/attributes.h"
#include "delegate/graph/builtin_ops.h"
#include "delegate/graph/node_view.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

struct Name {
  int code;
  const char* name;
};

// Operators of image networks that are left in every form.
constexpr Name kLeft[] = {
    {kTfLiteBuiltinAveragePool2d, "AVERAGE_POOL_2D"},
    {kTfLiteBuiltinConcatenation, "CONCATENATION"},
    {kTfLiteBuiltinDequantize, "DEQUANTIZE"},
    {kTfLiteBuiltinLogistic, "LOGISTIC"},
    {kTfLiteBuiltinMul, "MUL"},
    {kTfLiteBuiltinRelu, "RELU"},
    {kTfLiteBuiltinReluN1To1, "RELU_N1_TO_1"},
    {kTfLiteBuiltinRelu6, "RELU6"},
    {kTfLiteBuiltinResizeBilinear, "RESIZE_BILINEAR"},
    {kTfLiteBuiltinSoftmax, "SOFTMAX"},
    {kTfLiteBuiltinTanh, "TANH"},
    {kTfLiteBuiltinTranspose, "TRANSPOSE"},
    {kTfLiteBuiltinSub, "SUB"},
    {kTfLiteBuiltinDiv, "DIV"},
    {kTfLiteBuiltinSqueeze, "SQUEEZE"},
    {kTfLiteBuiltinStridedSlice, "STRIDED_SLICE"},
    {kTfLiteBuiltinSplit, "SPLIT"},
    {kTfLiteBuiltinPadv2, "PADV2"},
    {kTfLiteBuiltinTransposeConv, "TRANSPOSE_CONV"},
    {kTfLiteBuiltinShape, "SHAPE"},
    {kTfLiteBuiltinPack, "PACK"},
    {kTfLiteBuiltinResizeNearestNeighbor, "RESIZE_NEAREST_NEIGHBOR"},
    {kTfLiteBuiltinLeakyRelu, "LEAKY_RELU"},
    {kTfLiteBuiltinHardSwish, "HARD_SWISH"},
    {kTfLiteBuiltinQuantize, "QUANTIZE"},
    {kTfLiteBuiltinDensify, "DENSIFY"},
    {kTfLiteBuiltinDelegate, "the node of another delegate"},
};

std::string NameOf(const TfLiteRegistration& registration) {
  const int code = registration.builtin_code;
  if (code == kTfLiteBuiltinCustom) {
    const char* name = registration.custom_name;
    return name != nullptr ? name : "custom op without a name";
  }
  if (const BuiltinOp* op = FindBuiltinOp(code)) return op->name;
  for (const Name& left : kLeft) {
    if (left.code == code) return left.name;
  }
  return "builtin operator " + std::to_string(code);
}

// The converter names a fused op after all the ops in it, separated by ';': the first will do.
std::string ShortName(const std::string& name) { return name.substr(0, name.find(';')); }

std::optional<OpType> SparseType(const TfLiteRegistration& registration) {
  const char* name = registration.custom_name;
  if (registration.builtin_code != kTfLiteBuiltinCustom || name == nullptr) {
    return std::nullopt;
  }
  if (std::strcmp(name, kConv2DName) == 0) return OpType::kConv2D;
  if (std::strcmp(name, kFullyConnectedName) == 0) {
    return OpType::kFullyConnected;
  }
  return std::nullopt;
}

}  // namespace

ClaimResult Claim(const TfLiteContext& context, const TfLiteNode& node,
                  const TfLiteRegistration& registration) {
  const NodeView view(context, node);
  const std::string name = NameOf(registration);
  ClaimResult result;
  result.label = name;
  if (const TfLiteTensor* output = view.Output()) {
    result.label += " '" + ShortName(output->name != nullptr ? output->name : "") + "'";
  }
  result.type = SparseType(registration);
  result.sparse = result.type.has_value();
  if (result.sparse) return result;

  const BuiltinOp* builtin = FindBuiltinOp(registration.builtin_code);
  if (builtin == nullptr) {
    result.reason = name + " is left to the interpreter.";
    return result;
  }
  GraphOp op;
  const Status status = ReadBuiltinOp(*builtin, view, &op);
  if (status.ok()) {
    result.type = builtin->type;
  } else {
    result.reason = status.message();
  }
  return result;
}

}  // namespace ubp
