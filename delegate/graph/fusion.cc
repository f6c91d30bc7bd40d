#include "delegate/graph/fusion.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

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
  explicit Fuser(GraphLayout* layout) : layout_(*layout), readers_(layout->tensors.size(), 0) {
    for (const PlannedOp& op : layout_.ops) {
      ++readers_[op.input];
      if (op.second >= 0) ++readers_[op.second];
      for (const int input : op.further) ++readers_[input];
    }
  }

  void FuseElementwise() {
    for (size_t i = 0; i < layout_.ops.size();) {
      const size_t before = layout_.ops.size();
      TryFuseElementwise(i);
      i += 1 - (before - layout_.ops.size());  // those that are gone came before op i + 1
    }
  }

  void FuseFunctions() {
    for (size_t i = 0; i < layout_.ops.size();) {
      PlannedOp& op = layout_.ops[i];
      PlannedOp* const writer =
          IsFunction(op) && op.activation == Activation::kNone ? SoleWriter(op.input) : nullptr;
      if (writer == nullptr || writer->function || !CanHaveFunction(writer->op->type)) {
        ++i;
        continue;
      }
      writer->function = op.function;
      Absorb(&op, writer);
    }
  }

 private:
  // `op` becomes part of `writer`, an earlier one.
  void Absorb(PlannedOp* op, PlannedOp* writer) {
    writer->output = op->output;
    writer->Absorb(*op);
    layout_.ops.erase(layout_.ops.begin() + (op - layout_.ops.data()));
  }

  // Likewise an elementwise op, whose activation the writer has from now on.
  void Join(PlannedOp* op, PlannedOp* writer) {
    writer->activation = op->activation;
    Absorb(op, writer);
  }

  void TryFuseElementwise(size_t i) {
    PlannedOp& op = layout_.ops[i];
    if (op.op->type == OpType::kMul && op.second >= 0) return TryFuseGate(&op);
    if (Computes(op, Elementwise::kLog)) return TryFuseSoftplus(&op);
    PlannedOp* const writer = PlainWriter(op.input);
    if (writer == nullptr) return;
    if (op.op->type == OpType::kClamp && HasActivation(writer->op->type)) {
      Join(&op, writer);
    } else if (op.scale && writer->scale) {
      writer->scale = Compose(*writer->scale, *op.scale);
      Join(&op, writer);
    }
  }

  // LOG of EXP plus one.
  void TryFuseSoftplus(PlannedOp* log) {
    PlannedOp* const sum = PlainWriter(log->input);
    if (sum == nullptr || !sum->scale || !AddsOne(*sum->scale)) return;
    PlannedOp* const exp = PlainWriter(sum->input);
    if (exp == nullptr || !Computes(*exp, Elementwise::kExp)) return;
    exp->function = UnaryFunction{Elementwise::kSoftplus};
    Join(log, sum);
    Join(sum, exp);
  }

  // A tensor times its LOGISTIC is swish, times TANH of its softplus mish.
  void TryFuseGate(PlannedOp* product) {
    for (const auto& [gate, factor] :
         {std::pair(product->second, product->input), {product->input, product->second}}) {
      PlannedOp* const writer = PlainWriter(gate);
      if (writer == nullptr) continue;
      if (Computes(*writer, Elementwise::kLogistic) && writer->input == factor) {
        writer->function = UnaryFunction{Elementwise::kSwish};
        return Join(product, writer);
      }
      PlannedOp* const inner = PlainWriter(writer->input);
      if (inner != nullptr && Computes(*writer, Elementwise::kTanh) &&
          Computes(*inner, Elementwise::kSoftplus) && inner->input == factor) {
        inner->function = UnaryFunction{Elementwise::kMish};
        Join(product, writer);
        return Join(writer, inner);
      }
    }
  }

  // A function of one tensor, standing alone.
  static bool IsFunction(const PlannedOp& op) { return op.op->type == OpType::kFunction; }
  static bool Computes(const PlannedOp& op, Elementwise function) {
    return IsFunction(op) && op.function->function == function;
  }

  // The op that writes a tensor inside the graph for one reader alone, if it has no activation.
  PlannedOp* PlainWriter(int tensor) {
    PlannedOp* const writer = SoleWriter(tensor);
    return writer != nullptr && writer->activation == Activation::kNone ? writer : nullptr;
  }

  // The op that writes a tensor inside the graph for one reader alone.
  PlannedOp* SoleWriter(int tensor) {
    if (layout_.tensors[tensor].storage != Storage::kInternal || readers_[tensor] != 1) {
      return nullptr;
    }
    const auto writes = [&](const PlannedOp& op) { return op.output == tensor; };
    const auto found = std::find_if(layout_.ops.begin(), layout_.ops.end(), writes);
    return found == layout_.ops.end() ? nullptr : &*found;
  }

  GraphLayout& layout_;
  std::vector<int> readers_;  // by tensor
};

}  // namespace

bool HasActivation(OpType type) {
  switch (type) {
    case OpType::kMean:
    case OpType::kPad:
    case OpType::kReshape:
    case OpType::kConcatenation:
    case OpType::kSoftmax:
      return false;
    default:
      return true;
  }
}

bool CanHaveFunction(OpType type) {
  return type == OpType::kConv2D || type == OpType::kFullyConnected ||
         type == OpType::kDepthwiseConv2D || type == OpType::kMaxPool2D ||
         type == OpType::kAveragePool2D;
}

std::optional<ChannelScale> ScaleOf(const GraphOp& op) {
  const ConstantOperand& constant = op.constant;
  if (constant.values == nullptr || op.type == OpType::kFunction) return std::nullopt;
  const std::vector<float> values(constant.values, constant.values + constant.count);
  if (op.type == OpType::kMul) return ChannelScale{values, std::vector<float>(values.size(), 0.0f)};
  const bool minus = op.type == OpType::kSub;
  ChannelScale scale;
  for (const float value : values) {
    scale.scale.push_back(minus && constant.first ? -1.0f : 1.0f);
    scale.offset.push_back(minus && !constant.first ? -value : value);
  }
  return scale;
}

std::optional<UnaryFunction> FunctionOf(const GraphOp& op) {
  if (op.type == OpType::kClamp) return UnaryFunction{Elementwise::kScale};  // times one, plus zero
  if (op.type != OpType::kFunction) return std::nullopt;
  UnaryFunction function = op.function;
  if (op.constant.count == 1) function.s = op.constant.values[0];
  if (op.constant.count > 1) function.channels = op.constant.values;
  return function;
}

void FuseElementwise(GraphLayout* layout) { Fuser(layout).FuseElementwise(); }

void FuseFunctions(GraphLayout* layout) { Fuser(layout).FuseFunctions(); }

}  // namespace ubp
