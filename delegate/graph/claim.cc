#include "delegate/graph/claim.h"

#include <cstring>

#include "delegate/format/attributes.h"
#include "delegate/graph/builtin_ops.h"
#include "delegate/graph/node_view.h"
#include "delegate/graph/operator_names.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

std::string NameOf(const TfLiteRegistration& registration) {
  const int code = registration.builtin_code;
  if (code == kTfLiteBuiltinCustom) {
    const char* name = registration.custom_name;
    return name != nullptr ? name : "custom op without a name";
  }
  return OperatorName(code);
}

// The converter names a fused op after all the ops in it, separated by ';': the first will do.
std::string ShortName(const std::string& name) { return name.substr(0, name.find(';')); }

ShapeOp ShapeOpOf(int code) {
  switch (code) {
    case kTfLiteBuiltinShape:
      return ShapeOp::kShape;
    case kTfLiteBuiltinStridedSlice:
      return ShapeOp::kStridedSlice;
    case kTfLiteBuiltinPack:
      return ShapeOp::kPack;
    default:
      return ShapeOp::kNone;
  }
}

std::optional<OpType> PackedType(const TfLiteRegistration& registration) {
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

// What a block-sparse op says of itself; a block size of 0 where it is damaged.
LayerAttributes PackedAttributes(OpType type, const NodeView& view) {
  LayerAttributes attributes;
  const OpKind kind = type == OpType::kConv2D ? OpKind::kConv2D : OpKind::kFullyConnected;
  const Status status =
      ReadAttributes(kind, view.custom_options(), view.custom_options_size(), &attributes);
  if (status.ok()) return attributes;
  attributes = LayerAttributes();
  attributes.block_size = 0;
  return attributes;
}

bool CanBeSparse(OpType type) { return type == OpType::kConv2D || type == OpType::kFullyConnected; }

}  // namespace

ClaimResult Claim(const TfLiteContext& context, const TfLiteNode& node,
                  const TfLiteRegistration& registration, const ClaimOptions& options) {
  const NodeView view(context, node, options.decoded);
  ClaimResult result;
  result.slot.cache = options.cache;
  result.op = NameOf(registration);
  if (const TfLiteTensor* output = view.Output()) {
    result.layer = ShortName(output->name != nullptr ? output->name : "");
  }
  result.type = PackedType(registration);
  result.packed = result.type.has_value();
  if (result.packed) {
    result.layer_op = true;
    result.attributes = PackedAttributes(*result.type, view);
    result.block_size = result.attributes.block_size;
    result.activations = {0};
    return result;
  }

  const BuiltinOp* builtin = FindBuiltinOp(registration.builtin_code);
  if (builtin == nullptr) {
    result.shape_op = ShapeOpOf(registration.builtin_code);
    result.reason = result.op + " is left to the interpreter.";
    return result;
  }
  result.layer_op = CanBeSparse(builtin->type);
  GraphOp op;
  const Status status = ReadBuiltinOp(*builtin, view, &op);
  if (!status.ok()) {
    result.reason = status.message();
    return result;
  }
  result.type = builtin->type;
  result.attributes = op.attributes;
  result.activations = ActivationInputs(*builtin, view);
  result.function = op.function.function;
  if (options.sparse_from_dense && CanBeSparse(builtin->type)) {
    const LayerPixels pixels = {Pixels(*view.Input(0)), Pixels(*view.Output())};
    result.choice = ChooseBlocks(op.attributes, op.dense.weights, pixels, &result.slot);
    if (result.choice.pays) result.block_size = result.choice.block_size;
  }
  return result;
}

}  // namespace ubp
