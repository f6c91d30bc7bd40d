// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/layer_norm_nodes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "delegate/graph/dims.h"
#include "delegate/tflite/model/layer_norm_values.h"
#include "delegate/tflite/model/node_view.h"

namespace ubp {
namespace {

// As a TfLiteIntArray: its length, then its elements.
std::vector<int> IntArray(const std::vector<int>& elements) {
  std::vector<int> array = {static_cast<int>(elements.size())};
  array.insert(array.end(), elements.begin(), elements.end());
  return array;
}

// Tensors that the nodes write and the interpreter has to have in the end: what it would take out of a part
// of all nodes.
TfLiteStatus ModelOutputs(TfLiteContext* context, const std::vector<NodeDecision>& decisions,
                          std::set<int>* outputs) {
  std::vector<int> all;
  for (const NodeDecision& decision : decisions) all.push_back(decision.node);
  std::vector<int> array = IntArray(all);
  TfLiteDelegateParams* parts = nullptr;
  int count = 0;
  TF_LITE_ENSURE_STATUS(context->PreviewDelegatePartitioning(
      context, reinterpret_cast<TfLiteIntArray*>(array.data()), &parts, &count));
  for (int part = 0; part < count; ++part) {
    const TfLiteIntArray& tensors = *parts[part].output_tensors;
    outputs->insert(tensors.data, tensors.data + tensors.size);
  }
  return kTfLiteOk;
}

class LayerNormFinder {
 public:
  LayerNormFinder(TfLiteContext* context, const std::vector<TfLiteNode*>& nodes,
                  const Backend& backend, std::vector<NodeDecision>* decisions)
      : context_(*context), nodes_(nodes), backend_(backend), decisions_(*decisions) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (int k = 0; k < nodes[i]->inputs->size; ++k) {
        readers_[nodes[i]->inputs->data[k]].push_back(i);
      }
    }
  }

  // From the last on: of two that begin with the same nodes the longer one.
  std::vector<std::vector<size_t>> Find() {
    std::vector<std::vector<size_t>> parts(nodes_.size());
    const std::map<size_t, NormValue> found = WholeValues();
    std::set<int> outputs;
    if (found.empty() || ModelOutputs(&context_, decisions_, &outputs) != kTfLiteOk) return parts;
    std::set<size_t> used;
    for (auto value = found.rbegin(); value != found.rend(); ++value) {
      const size_t last = value->first;
      std::set<size_t> before = value->second.nodes;
      before.erase(last);
      GraphOp op;
      const bool is_free = std::none_of(before.begin(), before.end(),
                                        [&](size_t node) { return used.count(node) > 0; });
      if (used.count(last) > 0 || !is_free || !AreClosed(last, before, outputs) ||
          !ReadOp(value->second, &op).ok() || !backend_.Supports(op).ok()) {
        continue;
      }
      Join(value->second, last, op);
      used.insert(value->second.nodes.begin(), value->second.nodes.end());
      parts[last].assign(before.begin(), before.end());
    }
    return parts;
  }

 private:
  NodeView View(size_t node) const { return NodeView(context_, *nodes_[node]); }

  // By the node that writes them.
  std::map<size_t, NormValue> WholeValues() const {
    NormValues values(context_);
    std::map<size_t, NormValue> whole;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const NormValue* const value = values.Follow(i, *nodes_[i], decisions_[i].claim.code);
      if (value != nullptr && value->IsWhole()) whole[i] = *value;
    }
    return whole;
  }

  // Whether nothing but `last` and `before` reads what nodes before the last write.
  bool AreClosed(size_t last, const std::set<size_t>& before, const std::set<int>& outputs) const {
    return std::all_of(before.begin(), before.end(), [&](size_t node) {
      const int tensor = View(node).OutputIndex();
      const auto readers = readers_.find(tensor);
      return outputs.count(tensor) == 0 && readers != readers_.end() &&
             std::all_of(readers->second.begin(), readers->second.end(),
                         [&](size_t reader) { return reader == last || before.count(reader) > 0; });
    });
  }

  // A number for each of the channels along the last axis of `dims`, or one for all; `otherwise` where
  // there is no constant.
  Status ReadConstant(const ConstantInput& constant, const Dims& dims, float otherwise,
                      std::vector<float>* numbers) const {
    if (constant.tensor < 0) {
      numbers->assign(1, otherwise);
      return Status::Ok();
    }
    const Dims shape = FileDims(context_.tensors[constant.tensor]);
    const int count = shape.empty() ? 1 : shape.back();
    const auto ones = static_cast<size_t>(std::count(shape.begin(), shape.end(), 1));
    const bool in_last = ones + (count == 1 ? 0 : 1) >= shape.size();
    if (shape.size() > dims.size() || !in_last || count < 1 ||
        (count > 1 && count != dims.back())) {
      return Status::Error("the constant has shape " + ToString(shape) + ".");
    }
    const float* values = nullptr;
    UBP_RETURN_IF_ERROR(View(constant.node).ReadFloats(constant.place, "constant", count, &values));
    numbers->assign(values, values + count);
    return Status::Ok();
  }

  // The op, but for its label and tensors.
  Status ReadOp(const NormValue& value, GraphOp* op) const {
    const bool exists = value.x >= 0 && static_cast<size_t>(value.x) < context_.tensors_size;
    const TfLiteTensor* const input = exists ? &context_.tensors[value.x] : nullptr;
    UBP_RETURN_IF_ERROR(CheckActivation(input, "input", ElementType::kFloat32));
    for (const size_t node : value.nodes) {
      UBP_RETURN_IF_ERROR(CheckActivation(View(node).Output(), "output", ElementType::kFloat32));
    }
    const Dims dims = FileDims(*input);
    LayerNormOp norm;
    std::vector<float> epsilon;
    std::vector<float>& scale = norm.channels.scale;
    std::vector<float>& offset = norm.channels.offset;
    UBP_RETURN_IF_ERROR(ReadConstant(value.epsilon, dims, 0.0f, &epsilon));
    UBP_RETURN_IF_ERROR(ReadConstant(value.scale, dims, 1.0f, &scale));
    UBP_RETURN_IF_ERROR(ReadConstant(value.offset, dims, 0.0f, &offset));
    if (epsilon.size() != 1 || !std::isnormal(epsilon[0]) || epsilon[0] < 0.0f) {
      return Status::Error("the epsilon is not one normal number above zero.");
    }
    const size_t count = std::max(scale.size(), offset.size());
    if (scale.size() == 1) scale.resize(count, scale[0]);
    if (offset.size() == 1) offset.resize(count, offset[0]);
    norm.rank = static_cast<int>(dims.size());
    norm.epsilon = epsilon[0];
    op->activation = value.activation;
    op->details = std::move(norm);
    return Status::Ok();
  }

  void Join(const NormValue& value, size_t last, const GraphOp& op) {
    for (const size_t node : value.nodes) {
      ClaimResult& claim = decisions_[node].claim;
      claim.graph_op.reset();
      claim.activations.clear();
      claim.is_part = true;
      claim.reason = "it is a part of a layer normalisation that is left.";
    }
    ClaimResult& whole = decisions_[last].claim;
    whole.graph_op = op;
    whole.activations = {value.x};
    whole.is_part = false;
    whole.is_whole = true;
    whole.reason.clear();
  }

  TfLiteContext& context_;
  const std::vector<TfLiteNode*>& nodes_;
  const Backend& backend_;
  std::vector<NodeDecision>& decisions_;
  std::map<int, std::vector<size_t>> readers_;  // by tensor
};

}  // namespace

std::vector<std::vector<size_t>> FindLayerNorms(TfLiteContext* context,
                                                const std::vector<TfLiteNode*>& nodes,
                                                const Backend& backend,
                                                std::vector<NodeDecision>* decisions) {
  return LayerNormFinder(context, nodes, backend, decisions).Find();
}

}  // namespace ubp
