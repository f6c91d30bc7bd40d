// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/model_costs.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "delegate/backend/cost_model.h"
#include "delegate/rewrite/absorb_pads.h"
#include "delegate/tflite/model/node_view.h"

namespace ubp {
namespace {

Extent ExtentOf(const Dims& dims) {
  Extent extent;
  if (dims.empty()) return extent;
  extent.channels = dims.back();
  for (size_t i = 0; i + 1 < dims.size(); ++i) {
    double& size = dims.size() == 4 && i > 0 ? extent.pixels : extent.batch;
    size *= dims[i];
  }
  return extent;
}

class GraphMaker {
 public:
  GraphMaker(const TfLiteContext& context, const std::vector<ClaimedNode>& nodes,
             const OpenSizes& sizes, const CostModel& costs)
      : context_(context), nodes_(nodes), sizes_(sizes), costs_(costs) {}

  CostGraph Make() {
    costs_.SetCostsOfParts(&graph_);
    for (size_t i = 0; i < nodes_.size(); ++i) AddNode(i);
    writers_ = WritersOf(graph_);
    readers_ = ReadersOf(graph_);
    for (size_t t = 0; t < graph_.tensors.size(); ++t) {
      graph_.tensors[t].is_result = readers_[t].empty();
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (!graph_.nodes[i].can_take) continue;
      AddCosts(i);
      CostNode& node = graph_.nodes[i];
      node.host = HostOf(i);
      if (node.host >= 0) continue;
      node.taken += node.taken_alone;
      node.left += node.left_alone;
    }
    return std::move(graph_);
  }

 private:
  const ClaimResult& claim(size_t i) const { return *nodes_[i].claim; }
  const GraphOp& op(size_t i) const { return *claim(i).graph_op; }
  OpType type(size_t i) const { return op(i).type(); }
  Extent Of(int tensor) const { return ExtentOf(sizes_.DimsOf(tensor)); }
  // Of the activations of a node.
  Extent Input(size_t i, int number = 0) const { return Of(claim(i).activations[number]); }
  Extent Output(size_t i) const {
    const NodeView view(context_, *nodes_[i].node);
    return view.Output() != nullptr ? Of(view.OutputIndex()) : Extent();
  }

  void AddNode(size_t i) {
    graph_.nodes.emplace_back();
    if (nodes_[i].follows) return;
    const NodeView view(context_, *nodes_[i].node);
    CostNode& node = graph_.nodes.back();
    if (claim(i).type()) {
      node.can_take = true;
      node.must_take = claim(i).packed;
      node.has_blocks = claim(i).has_blocks();
      node.sparse = claim(i).sparse();
      for (const int tensor : claim(i).activations) AddInput(tensor, &node);
    } else {
      for (int k = 0; k < view.num_inputs(); ++k) AddInput(view.InputIndex(k), &node);
    }
    for (int k = 0; k < view.num_outputs(); ++k) {
      const int index = nodes_[i].node->outputs->data[k];
      // A damaged model may have written or read it before.
      if (index >= 0 && tensor_of_index_.count(index) == 0) node.outputs.push_back(TensorOf(index));
    }
  }

  void AddInput(int index, CostNode* node) {
    const bool exists = index >= 0 && static_cast<size_t>(index) < context_.tensors_size;
    if (!exists || IsConstant(context_.tensors[index])) return;
    const int t = TensorOf(index);
    const bool is_new =
        std::find(node->inputs.begin(), node->inputs.end(), t) == node->inputs.end();
    if (is_new) node->inputs.push_back(t);
  }

  int TensorOf(int index) {
    const auto [found, added] =
        tensor_of_index_.try_emplace(index, static_cast<int>(graph_.tensors.size()));
    if (added) {
      // A damaged model may name one that does not exist.
      const bool exists = static_cast<size_t>(index) < context_.tensors_size;
      const bool is_int8 = exists && context_.tensors[index].type == kTfLiteInt8;
      graph_.tensors.push_back(
          costs_.CostOfTensor(Of(index), is_int8 ? ElementType::kInt8 : ElementType::kFloat32));
    }
    return found->second;
  }

  Operand OperandOf(size_t i) const {
    if (claim(i).activations.size() < 2) return Operand::kConstant;
    const double elements = Output(i).elements();
    const bool full = Input(i, 0).elements() >= elements && Input(i, 1).elements() >= elements;
    return full ? Operand::kFull : Operand::kVector;
  }

  void AddCosts(size_t i) {
    OpToRun run;
    run.op = &op(i);
    run.input = Input(i);
    run.output = Output(i);
    if (op(i).If<ArithmeticOp>()) run.operand = OperandOf(i);
    if (claim(i).has_blocks()) run.blocks = claim(i).choice.cost;
    costs_.SetCosts(run, &graph_.nodes[i]);
  }

  // The node that writes the first input of node i which nobody else reads, if there is one of which
  // `is_host` holds.
  template <typename Rule>
  int WriterOf(size_t i, const Rule& is_host) const {
    for (const int t : graph_.nodes[i].inputs) {
      const int writer = writers_[t];
      if (writer < 0 || !graph_.nodes[writer].can_take || readers_[t].size() != 1) continue;
      if (is_host(static_cast<size_t>(writer))) return writer;
    }
    return -1;
  }

  bool IsPlain(size_t i) const { return op(i).activation == Activation::kNone; }

  bool Computes(size_t i, Elementwise function) const {
    const auto* kind = op(i).If<FunctionOp>();
    return kind != nullptr && kind->function.function == function;
  }

  // Of softplus, whose LOG is behind: whether the constant is one is not looked at.
  bool AddsToExp(size_t i) const {
    if (type(i) != OpType::kAdd || OperandOf(i) != Operand::kConstant) return false;
    return WriterOf(i, [&](size_t w) { return Computes(w, Elementwise::kExp); }) >= 0;
  }

  // The node that node i is fused with where it can be, or -1: see the passes in rewrite/.
  int HostOf(size_t i) const {
    // Those of int8 round what they write, each by itself; only sums are part of a convolution.
    const bool is_sum = type(i) == OpType::kAdd && OperandOf(i) == Operand::kFull;
    if (op(i).is_int8() && type(i) != OpType::kPad && !is_sum) return -1;
    switch (type(i)) {
      case OpType::kPad:
        return WindowBehind(i);
      case OpType::kTranspose:
        return MeanBehind(i);
      case OpType::kClamp:
        return WriterOf(i, [&](size_t w) { return HasActivation(op(w)) && IsPlain(w); });
      case OpType::kFunction:
        return WriterOf(i, [&](size_t w) {
          return TakesFunction(op(w)) || (Computes(i, Elementwise::kLog) && AddsToExp(w));
        });
      case OpType::kAdd:
      case OpType::kSub:
      case OpType::kMul:
        if (OperandOf(i) == Operand::kConstant) {
          return WriterOf(i, [&](size_t w) {
            if (type(i) == OpType::kAdd && Computes(w, Elementwise::kExp)) return true;
            return op(w).If<ArithmeticOp>() && OperandOf(w) == Operand::kConstant && IsPlain(w);
          });
        }
        if (OperandOf(i) == Operand::kVector || type(i) != OpType::kAdd) return -1;
        return WriterOf(i, [&](size_t w) { return type(w) == OpType::kConv2D && IsPlain(w); });
      default:
        return -1;
    }
  }

  // The first of the nodes that read what a pad writes, if it becomes the padding of all of them.
  int WindowBehind(size_t pad) const {
    const auto& kind = op(pad).As<PadOp>();
    return ReaderOf(pad, [&](const GraphOp& reader) { return TakesPad(reader, kind); });
  }

  // Likewise of a TRANSPOSE, if all are means that take it back.
  int MeanBehind(size_t transpose) const {
    if (op(transpose).As<TransposeOp>().to_nhwc) return -1;
    return ReaderOf(transpose, [](const GraphOp& reader) {
      return reader.If<MeanOp>() && reader.As<MeanOp>().channels_first;
    });
  }

  // The first of the nodes that read what node i writes, if `fuses` holds of all, which can be taken.
  template <typename Rule>
  int ReaderOf(size_t i, const Rule& fuses) const {
    if (graph_.nodes[i].outputs.empty()) return -1;
    const std::vector<int>& readers = readers_[graph_.nodes[i].outputs[0]];
    const bool all = !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](int r) {
      return claim(r).type() && fuses(op(r));
    });
    return all ? readers[0] : -1;
  }

  const TfLiteContext& context_;
  const std::vector<ClaimedNode>& nodes_;
  const OpenSizes& sizes_;
  const CostModel& costs_;
  CostGraph graph_;
  std::map<int, int> tensor_of_index_;
  std::vector<int> writers_;
  std::vector<std::vector<int>> readers_;
};

}  // namespace

CostGraph MakeCostGraph(const TfLiteContext& context, const std::vector<ClaimedNode>& nodes,
                        const OpenSizes& sizes, const CostModel& costs) {
  return GraphMaker(context, nodes, sizes, costs).Make();
}

}  // namespace ubp
