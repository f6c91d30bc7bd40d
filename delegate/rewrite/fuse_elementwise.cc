// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/fuse_elementwise.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "delegate/rewrite/writers.h"

namespace ubp {
namespace {

// scale and offset, one after the other, as one: (x * a + b) * c + d.
ChannelScale Compose(const ChannelScale& first, const ChannelScale& second) {
  const size_t channels = std::max(first.scale.size(), second.scale.size());
  const auto at = [](const std::vector<float>& numbers, size_t c) {
    return numbers.size() == 1 ? numbers[0] : numbers[c];
  };
  ChannelScale both;
  for (size_t c = 0; c < channels; ++c) {
    const float factor = at(second.scale, c);
    both.scale.push_back(at(first.scale, c) * factor);
    both.offset.push_back(at(first.offset, c) * factor + at(second.offset, c));
  }
  return both;
}

// Whether x + 1 is what it computes.
bool AddsOne(const ChannelScale& scale) {
  const auto is_one = [](float number) { return number == 1.0f; };
  return std::all_of(scale.scale.begin(), scale.scale.end(), is_one) &&
         std::all_of(scale.offset.begin(), scale.offset.end(), is_one);
}

class Fuser {
 public:
  explicit Fuser(ShapedGraph* graph) : graph_(*graph), writers_(graph) {}

  void Run() {
    for (size_t i = 0; i < graph_.ops.size();) {
      const size_t before = graph_.ops.size();
      TryFuse(i);
      i += 1 - (before - graph_.ops.size());  // those that are gone came before op i + 1
    }
  }

 private:
  // `op` becomes part of `writer`, which has its activation from now on.
  void Join(ShapedOp* op, ShapedOp* writer) {
    writer->activation = op->activation;
    writers_.Absorb(op, writer);
  }

  void TryFuse(size_t i) {
    ShapedOp& op = graph_.ops[i];
    if (op.op->is_int8()) return;  // each rounds its result
    if (op.op->type() == OpType::kMul && op.second >= 0) return TryFuseGate(&op);
    if (Computes(op, Elementwise::kLog)) return TryFuseSoftplus(&op);
    ShapedOp* const writer = writers_.SolePlain(op.input);
    if (writer == nullptr) return;
    if (op.op->type() == OpType::kClamp && HasActivation(*writer->op)) {
      Join(&op, writer);
    } else if (op.scale && writer->scale) {
      writer->scale = Compose(*writer->scale, *op.scale);
      Join(&op, writer);
    }
  }

  // LOG of EXP plus one.
  void TryFuseSoftplus(ShapedOp* log) {
    ShapedOp* const sum = writers_.SolePlain(log->input);
    if (sum == nullptr || !sum->scale || !AddsOne(*sum->scale)) return;
    ShapedOp* const exp = writers_.SolePlain(sum->input);
    if (exp == nullptr || !Computes(*exp, Elementwise::kExp)) return;
    exp->function = UnaryFunction{Elementwise::kSoftplus};
    Join(log, sum);
    Join(sum, exp);
  }

  // A tensor times its LOGISTIC is swish, times TANH of its softplus mish.
  void TryFuseGate(ShapedOp* product) {
    for (const auto& [gate, factor] :
         {std::pair(product->second, product->input), {product->input, product->second}}) {
      ShapedOp* const writer = writers_.SolePlain(gate);
      if (writer == nullptr) continue;
      if (Computes(*writer, Elementwise::kLogistic) && writer->input == factor) {
        writer->function = UnaryFunction{Elementwise::kSwish};
        return Join(product, writer);
      }
      ShapedOp* const inner = writers_.SolePlain(writer->input);
      if (inner != nullptr && Computes(*writer, Elementwise::kTanh) &&
          Computes(*inner, Elementwise::kSoftplus) && inner->input == factor) {
        inner->function = UnaryFunction{Elementwise::kMish};
        Join(product, writer);
        return Join(writer, inner);
      }
    }
  }

  // A function of one tensor, standing alone.
  static bool IsFunction(const ShapedOp& op) { return op.op->type() == OpType::kFunction; }
  static bool Computes(const ShapedOp& op, Elementwise function) {
    return IsFunction(op) && op.function->function == function;
  }

  ShapedGraph& graph_;
  Writers writers_;
};

}  // namespace

void FuseElementwise(ShapedGraph* graph) { Fuser(graph).Run(); }

}  // namespace ubp
