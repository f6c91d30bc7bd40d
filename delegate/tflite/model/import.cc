// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/import.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/rewrite/lower_means.h"
#include "delegate/rewrite/lower_transpose_conv.h"
#include "delegate/tflite/model/builtin_ops.h"
#include "delegate/tflite/model/claim.h"
#include "delegate/tflite/model/node_view.h"
#include "delegate/tflite/model/packed_ops.h"
#include "delegate/tflite/model/quantized_tensors.h"

namespace ubp {
namespace {

// What was decided of a layer when its node was claimed.
void SetClaimed(const ClaimResult& claim, GraphOp* op) {
  LayerWeights* layer = nullptr;
  if (auto* conv = std::get_if<Conv2DOp>(&op->details)) layer = &conv->layer;
  if (auto* dense = std::get_if<FullyConnectedOp>(&op->details)) layer = &dense->layer;
  if (auto* transposed = std::get_if<TransposeConv2DOp>(&op->details)) {
    layer = &transposed->layer;
    if (!claim.reshape.empty()) transposed->blocks.output = claim.reshape;
  }
  if (layer != nullptr) {
    layer->slot = claim.slot;
    if (!claim.packed) layer->dense.block_size = layer->int8.block_size = claim.block_size;
  }
  if (auto* reshape = std::get_if<ReshapeOp>(&op->details)) {
    if (!claim.reshape.empty()) reshape->dims = claim.reshape;
  }
}

class Importer {
 public:
  Importer(TfLiteContext* context, const Claims& claims, Graph* graph)
      : context_(context),
        claims_(claims.nodes),
        graph_(graph),
        decoded_(std::make_shared<DecodedConstants>(claims.decoded)) {
    graph_->constants = decoded_;
  }

  Status ImportNode(int index) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    const std::string place = "node " + std::to_string(index);
    if (context_->GetNodeAndRegistration(context_, index, &node, &registration) != kTfLiteOk) {
      return Status::Error(place + " of the model cannot be read.");
    }
    const auto claimed = claims_.find(index);
    if (claimed == claims_.end()) return Status::Error(place + " of the model was never claimed.");
    const ClaimResult& claim = claimed->second;
    const NodeView view(*context_, *node, decoded_.get());
    // Nobody needs what it computes.
    if (claim.shape_op != ShapeOp::kNone || claim.is_part) return Status::Ok();
    if (!claim.graph_op) {
      return Status::Error(place + " of the model, " + claim.label() +
                           ", is not for this delegate: " + claim.reason);
    }
    if (view.num_outputs() != 1) {
      return Status::Error(claim.label() + ": " + place + " has " +
                           std::to_string(view.num_outputs()) + " outputs, expected 1.");
    }
    if (view.Output() == nullptr) {
      return Status::Error(claim.label() + ": the output of " + place + " does not exist.");
    }
    const Status status = ImportOp(index, claim, *registration, view);
    if (status.ok()) return status;
    return Status::Error(claim.label() + ": " + status.message());
  }

  // Constants are inputs of a part, too, and not in the graph.
  void SetInputs(const TfLiteIntArray& indices) {
    for (int i = 0; i < indices.size; ++i) {
      const auto found = tensor_of_index_.find(indices.data[i]);
      if (found != tensor_of_index_.end()) SetStorage(found->second, Storage::kInput);
    }
  }

  Status SetOutputs(const TfLiteIntArray& indices) {
    for (int i = 0; i < indices.size; ++i) {
      const auto found = tensor_of_index_.find(indices.data[i]);
      if (found == tensor_of_index_.end()) {
        return Status::Error(
            "tensor " + std::to_string(indices.data[i]) +
            ", which holds a shape that a node of this part reads, is an output of the model as "
            "well; the delegate cannot compute it, take less (take=sparse).");
      }
      SetStorage(found->second, Storage::kOutput);
    }
    return Status::Ok();
  }

 private:
  void SetStorage(int tensor, Storage storage) { graph_->tensors[tensor].storage = storage; }

  Status ImportOp(int index, const ClaimResult& claim, const TfLiteRegistration& registration,
                  const NodeView& node) {
    GraphOp op;
    if (claim.is_whole) {
      op = *claim.graph_op;
    } else if (claim.packed) {
      UBP_RETURN_IF_ERROR(ReadPackedOp(LayerOf(*claim.graph_op)->attributes.kind, node, &op));
    } else {
      const BuiltinOp& builtin = *FindBuiltinOp(registration.builtin_code);
      UBP_RETURN_IF_ERROR(ReadBuiltinOp(builtin, node, &op));
    }
    op.node = index;
    op.label = claim.is_whole ? "layer normalisation '" + claim.layer + "'" : claim.label();
    SetClaimed(claim, &op);
    for (const int index_in_model : claim.activations) {
      op.inputs.emplace_back();
      UBP_RETURN_IF_ERROR(TensorOf(index_in_model, "input", &op.inputs.back()));
    }
    if (tensor_of_index_.count(node.OutputIndex()) != 0) {
      return Status::Error("the output is read or written by an earlier op.");
    }
    UBP_RETURN_IF_ERROR(TensorOf(node.OutputIndex(), "output", &op.output));
    graph_->ops.push_back(std::move(op));
    return Status::Ok();
  }

  Status TensorOf(int index, const std::string& what, int* tensor) {
    const auto [found, added] =
        tensor_of_index_.try_emplace(index, static_cast<int>(graph_->tensors.size()));
    *tensor = found->second;
    if (!added) return Status::Ok();
    graph_->tensors.push_back({Storage::kInternal, index, {}});
    return ReadTensorType(context_->tensors[index], what, &graph_->tensors.back().type);
  }

  TfLiteContext* context_;
  const std::map<int, ClaimResult>& claims_;
  Graph* graph_;
  std::shared_ptr<DecodedConstants> decoded_;
  std::map<int, int> tensor_of_index_;
};

}  // namespace

Status ImportGraph(TfLiteContext* context, const TfLiteDelegateParams& params, const Claims& claims,
                   Graph* graph) {
  Importer importer(context, claims, graph);
  for (int i = 0; i < params.nodes_to_replace->size; ++i) {
    UBP_RETURN_IF_ERROR(importer.ImportNode(params.nodes_to_replace->data[i]));
  }
  importer.SetInputs(*params.input_tensors);
  UBP_RETURN_IF_ERROR(importer.SetOutputs(*params.output_tensors));
  LowerTransposeConvs(graph);
  LowerMeans(graph);
  return Status::Ok();
}

}  // namespace ubp
