#include "delegate/graph/import.h"

#include <cstdint>
#include <map>
#include <string>

#include "delegate/graph/claim.h"

namespace ubp {
namespace {

enum NodeInput { kActivation = 0, kPackedWeights = 1, kBias = 2, kNumInputs = 3 };

// How messages call a layer: its op and the name of its output.
std::string Label(OpKind kind, const TfLiteTensor& output) {
  return std::string(OpName(kind)) + " '" + (output.name != nullptr ? output.name : "") + "'";
}

// The index of a node's input tensor, or -1 where an optional one is absent.
int InputIndex(const TfLiteNode& node, int i) {
  return i < node.inputs->size ? node.inputs->data[i] : kTfLiteOptionalTensor;
}

bool IsConstant(const TfLiteTensor& tensor) {
  return tensor.allocation_type == kTfLiteMmapRo && tensor.data.raw != nullptr;
}

class Importer {
 public:
  Importer(TfLiteContext* context, Graph* graph) : context_(context), graph_(graph) {}

  Status ImportNode(int index) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    if (context_->GetNodeAndRegistration(context_, index, &node, &registration) != kTfLiteOk) {
      return Status::Error("node " + std::to_string(index) + " of the model cannot be read.");
    }
    const std::optional<OpKind> kind = Claim(*registration);
    if (!kind)
      return Status::Error("node " + std::to_string(index) + " of the model is not a UBP op.");
    if (node->outputs->size != 1 || !Exists(node->outputs->data[0])) {
      return Status::Error(std::string(OpName(*kind)) + ": node " + std::to_string(index) +
                           " has " + std::to_string(node->outputs->size) + " outputs, expected 1.");
    }
    const TfLiteTensor& output = context_->tensors[node->outputs->data[0]];
    GraphOp op;
    op.label = Label(*kind, output);
    const Status status = ImportLayer(*kind, *node, output, &op);
    if (!status.ok()) return Status::Error(op.label + ": " + status.message());
    graph_->ops.push_back(std::move(op));
    return status;
  }

  void SetStorage(const TfLiteIntArray& indices, Storage storage) {
    for (int i = 0; i < indices.size; ++i) {
      const auto found = tensor_of_index_.find(indices.data[i]);
      if (found != tensor_of_index_.end()) graph_->tensors[found->second].storage = storage;
    }
  }

 private:
  bool Exists(int tensor) const {
    return tensor >= 0 && static_cast<size_t>(tensor) < context_->tensors_size;
  }

  Status ImportLayer(OpKind kind, const TfLiteNode& node, const TfLiteTensor& output, GraphOp* op) {
    if (node.inputs->size < kBias || node.inputs->size > kNumInputs) {
      return Status::Error("the op has " + std::to_string(node.inputs->size) +
                           " inputs, expected 2 or 3.");
    }
    const int activation = InputIndex(node, kActivation);
    const int packed = InputIndex(node, kPackedWeights);
    if (!Exists(activation) || !Exists(packed))
      return Status::Error("the activation or the packed weights are missing.");
    if (context_->tensors[activation].type != kTfLiteFloat32 || output.type != kTfLiteFloat32) {
      return Status::Error("the activation and the output must be float32.");
    }
    const TfLiteTensor& weights = context_->tensors[packed];
    if (weights.type != kTfLiteUInt8 || !IsConstant(weights)) {
      return Status::Error("the packed weights must be a constant uint8 tensor.");
    }
    LayerAttributes attributes;
    UBP_RETURN_IF_ERROR(ReadAttributes(kind, static_cast<const uint8_t*>(node.custom_initial_data),
                                       static_cast<size_t>(node.custom_initial_data_size),
                                       &attributes));
    const float* bias = nullptr;
    UBP_RETURN_IF_ERROR(ReadBias(InputIndex(node, kBias), attributes, &bias));
    UBP_RETURN_IF_ERROR(
        PackedLayer::Check(attributes, weights.data.uint8, weights.bytes, bias, &op->layer));
    op->input = TensorOf(activation);
    op->output = TensorOf(node.outputs->data[0]);
    return Status::Ok();
  }

  Status ReadBias(int index, const LayerAttributes& attributes, const float** bias) const {
    if (index == kTfLiteOptionalTensor) return Status::Ok();
    if (!Exists(index)) return Status::Error("the bias is missing.");
    const TfLiteTensor& tensor = context_->tensors[index];
    const size_t bytes = sizeof(float) * attributes.out_channels;
    if (tensor.type != kTfLiteFloat32 || !IsConstant(tensor) || tensor.bytes != bytes) {
      return Status::Error("the bias must be a constant float32 tensor of " +
                           std::to_string(attributes.out_channels) + " elements.");
    }
    if (reinterpret_cast<uintptr_t>(tensor.data.raw) % alignof(float) != 0) {
      return Status::Error("the bias is not aligned to 4 bytes in the file.");
    }
    *bias = tensor.data.f;
    return Status::Ok();
  }

  int TensorOf(int index) {
    const auto [found, added] =
        tensor_of_index_.try_emplace(index, static_cast<int>(graph_->tensors.size()));
    if (added) graph_->tensors.push_back({Storage::kInternal, index});
    return found->second;
  }

  TfLiteContext* context_;
  Graph* graph_;
  std::map<int, int> tensor_of_index_;
};

}  // namespace

Status ImportGraph(TfLiteContext* context, const TfLiteDelegateParams& params, Graph* graph) {
  Importer importer(context, graph);
  for (int i = 0; i < params.nodes_to_replace->size; ++i) {
    UBP_RETURN_IF_ERROR(importer.ImportNode(params.nodes_to_replace->data[i]));
  }
  importer.SetStorage(*params.input_tensors, Storage::kInput);
  importer.SetStorage(*params.output_tensors, Storage::kOutput);
  return Status::Ok();
}

}  // namespace ubp
