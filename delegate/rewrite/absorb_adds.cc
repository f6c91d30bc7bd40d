// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/absorb_adds.h"

#include <utility>
#include <vector>

namespace ubp {
namespace {

class AddAbsorber {
 public:
  explicit AddAbsorber(ShapedGraph* graph) : graph_(*graph), readers_(graph->ReadersOf()) {}

  void Run() {
    for (size_t i = 0; i < graph_.ops.size();) {
      if (!IsSum(graph_.ops[i]) || !TryAbsorb(i)) ++i;
    }
  }

 private:
  // Of two tensors of equal shape.
  bool IsSum(const ShapedOp& op) const {
    return op.op->type() == OpType::kAdd && op.second >= 0 && IsImage(op) &&
           graph_.tensors[op.input].dims == graph_.tensors[op.second].dims;
  }

  // Int8 layers on vectors have no residual.
  bool IsImage(const ShapedOp& op) const {
    const Dims& dims = graph_.tensors[op.output].dims;
    return !op.op->is_int8() || (dims.size() == 4 && dims[1] * dims[2] > 1);
  }

  bool TryAbsorb(size_t i) {
    const ShapedOp add = graph_.ops[i];
    for (const auto& [summand, other] :
         {std::pair(add.second, add.input), {add.input, add.second}}) {
      ShapedOp* const host = HostFor(summand, i);
      if (host == nullptr || other == summand || !WrittenBefore(other, host)) continue;
      if (add.op->is_int8()) host->before_sum = graph_.tensors[summand].type.quantization;
      host->second = other;
      host->output = add.output;
      host->activation = add.activation;
      host->Absorb(add);
      graph_.ops.erase(graph_.ops.begin() + static_cast<ptrdiff_t>(i));
      return true;
    }
    return false;
  }

  // The op before `end` that writes `tensor` and may take an ADD in: a convolution without an
  // activation, for nobody else.
  ShapedOp* HostFor(int tensor, size_t end) {
    if (!graph_.IsInternal(tensor) || readers_[tensor] != 1) return nullptr;
    for (size_t i = 0; i < end; ++i) {
      ShapedOp& op = graph_.ops[i];
      if (op.output != tensor) continue;
      const bool able =
          op.op->type() == OpType::kConv2D && op.second < 0 && op.activation == Activation::kNone;
      return able ? &op : nullptr;
    }
    return nullptr;
  }

  bool WrittenBefore(int tensor, const ShapedOp* host) const {
    if (graph_.tensors[tensor].storage == Storage::kInput) return true;
    for (const ShapedOp& op : graph_.ops) {
      if (&op == host) return false;
      if (op.output == tensor) return true;
    }
    return false;
  }

  ShapedGraph& graph_;
  std::vector<int> readers_;  // by tensor
};

}  // namespace

void AbsorbAdds(ShapedGraph* graph) { AddAbsorber(graph).Run(); }

}  // namespace ubp
