// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/claim.h"

#include <cstring>

#include "delegate/format/attributes.h"
#include "delegate/tflite/model/builtin_ops.h"
#include "delegate/tflite/model/node_view.h"
#include "delegate/tflite/model/operator_names.h"
#include "delegate/tflite/model/packed_ops.h"
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

std::optional<OpKind> PackedKind(const TfLiteRegistration& registration) {
  const char* name = registration.custom_name;
  if (registration.builtin_code != kTfLiteBuiltinCustom || name == nullptr) {
    return std::nullopt;
  }
  for (const OpKind kind : {OpKind::kConv2D, OpKind::kFullyConnected, OpKind::kTransposeConv2D}) {
    if (std::strcmp(name, OpName(kind)) == 0) return kind;
  }
  return std::nullopt;
}

// What a block-sparse op says of itself; a block size of 0 where it is damaged.
LayerAttributes PackedAttributes(OpKind kind, const NodeView& view) {
  LayerAttributes attributes;
  const Status status =
      ReadAttributes(kind, view.custom_options(), view.custom_options_size(), &attributes);
  if (status.ok()) return attributes;
  attributes = LayerAttributes();
  attributes.kind = kind;
  attributes.block_size = 0;
  return attributes;
}

bool CanBeSparse(int builtin_code) {
  return builtin_code == kTfLiteBuiltinConv2d || builtin_code == kTfLiteBuiltinTransposeConv ||
         builtin_code == kTfLiteBuiltinFullyConnected;
}

// Reads a node, and asks the backend; what pays is not looked at.
void ReadNode(const NodeView& view, const TfLiteRegistration& registration, const Backend& backend,
              ClaimResult* result) {
  if (const std::optional<OpKind> kind = PackedKind(registration)) {
    result->packed = result->layer_op = true;
    LayerWeights layer;
    layer.attributes = PackedAttributes(*kind, view);
    result->graph_op.emplace();
    SetPackedLayer(layer, &*result->graph_op);
    result->graph_op->elements = PackedElements(view);
    result->block_size = layer.attributes.block_size;
    result->activations = {view.InputIndex(0)};
    return;
  }
  const BuiltinOp* builtin = FindBuiltinOp(registration.builtin_code);
  if (builtin == nullptr) {
    result->shape_op = ShapeOpOf(registration.builtin_code);
    result->reason = result->op + " is left to the interpreter.";
    return;
  }
  result->layer_op = CanBeSparse(registration.builtin_code);
  GraphOp op;
  Status status = ReadBuiltinOp(*builtin, view, &op);
  if (status.ok()) status = backend.Supports(op);
  if (!status.ok()) {
    result->reason = status.message();
    return;
  }
  result->layer_op = LayerOf(op) != nullptr;  // of groups it may be none
  result->graph_op = op;
  for (const int place : ActivationInputs(*builtin, view)) {
    result->activations.push_back(view.InputIndex(place));
  }
}

bool IsDamaged(const ClaimResult& claim) { return claim.packed && claim.block_size == 0; }

}  // namespace

ClaimResult Claim(const TfLiteContext& context, const TfLiteNode& node,
                  const TfLiteRegistration& registration, const ClaimOptions& options) {
  const NodeView view(context, node, options.decoded);
  ClaimResult result;
  result.slot.cache = options.cache;
  result.code = registration.builtin_code;
  result.op = NameOf(registration);
  if (const TfLiteTensor* output = view.Output()) {
    result.layer = ShortName(output->name != nullptr ? output->name : "");
  }
  ReadNode(view, registration, *options.backend, &result);
  OpenSizes of_file(context);
  OpenSizes& sizes = options.sizes != nullptr ? *options.sizes : of_file;
  const bool is_read = result.graph_op && !IsDamaged(result);
  sizes.Follow(view, is_read ? &*result.graph_op : nullptr, result.activations);
  const LayerWeights* layer = result.graph_op ? LayerOf(*result.graph_op) : nullptr;
  if (options.sparse_from_dense && !result.packed && layer != nullptr) {
    LayerPixels pixels = {PixelsOf(sizes.DimsOf(result.activations[0])),
                          PixelsOf(sizes.DimsOf(view.OutputIndex()))};
    if (const auto* transposed = result.graph_op->If<TransposeConv2DOp>()) {
      pixels.out /= transposed->blocks.block_h * transposed->blocks.block_w;
    }
    const CostModel& costs = options.backend->costs();
    result.choice = ChooseBlocks(result.graph_op->is_int8() ? costs.int8_blocks() : costs.blocks(),
                                 *layer, pixels, &result.slot);
    if (result.choice.gains) result.block_size = result.choice.block_size;
  }
  return result;
}

}  // namespace ubp
