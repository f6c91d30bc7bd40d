#include "delegate/graph/fusion.h"

#include <algorithm>
#include <cstddef>
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
      const PlannedOp& op = layout_.ops[i];
      PlannedOp* const writer = Host(op);
      if (writer == nullptr) {
        ++i;
        continue;
      }
      if (op.scale) writer->scale = Compose(*writer->scale, *op.scale);
      if (op.op->type == OpType::kMul && op.second >= 0) writer->times_input = true;
      writer->activation = op.activation;
      Absorb(i, writer);
    }
  }

  void FuseFunctions() {
    for (size_t i = 0; i < layout_.ops.size();) {
      const PlannedOp& op = layout_.ops[i];
      const std::optional<UnaryFunction> function = FunctionOf(op);
      PlannedOp* const writer =
          function && op.activation == Activation::kNone ? SoleWriter(op.input) : nullptr;
      if (writer == nullptr || writer->function || !CanHaveFunction(writer->op->type)) {
        ++i;
        continue;
      }
      writer->function = function;
      Absorb(i, writer);
    }
  }

 private:
  // Op i becomes part of `writer`, an earlier one.
  void Absorb(size_t i, PlannedOp* writer) {
    writer->output = layout_.ops[i].output;
    writer->Absorb(layout_.ops[i]);
    layout_.ops.erase(layout_.ops.begin() + static_cast<ptrdiff_t>(i));
  }

  // The op that `op` becomes part of; null if it stays.
  PlannedOp* Host(const PlannedOp& op) {
    if (op.op->type == OpType::kMul && op.second >= 0) return Gate(op);
    PlannedOp* const writer = SoleWriter(op.input);
    if (writer == nullptr || writer->activation != Activation::kNone) return nullptr;
    const bool fits =
        op.op->type == OpType::kClamp ? HasActivation(writer->op->type) : op.scale && writer->scale;
    return fits ? writer : nullptr;
  }

  // The LOGISTIC of one factor that is the other.
  PlannedOp* Gate(const PlannedOp& product) {
    for (const auto& [gate, factor] :
         {std::pair(product.second, product.input), {product.input, product.second}}) {
      PlannedOp* const writer = SoleWriter(gate);
      if (writer != nullptr && writer->op->type == OpType::kLogistic && writer->input == factor &&
          !writer->times_input && writer->activation == Activation::kNone) {
        return writer;
      }
    }
    return nullptr;
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
  if (constant.values == nullptr) return std::nullopt;
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

std::optional<UnaryFunction> FunctionOf(const PlannedOp& op) {
  switch (op.op->type) {
    case OpType::kClamp:
      return UnaryFunction{Elementwise::kScale};  // times one, plus zero
    case OpType::kLeakyRelu:
      return UnaryFunction{Elementwise::kLeakyRelu, op.op->factor};
    case OpType::kHardSwish:
      return UnaryFunction{Elementwise::kHardSwish};
    case OpType::kLogistic:
      return UnaryFunction{op.times_input ? Elementwise::kSwish : Elementwise::kLogistic};
    case OpType::kTanh:
      return UnaryFunction{Elementwise::kTanh};
    default:
      return std::nullopt;
  }
}

void FuseElementwise(GraphLayout* layout) { Fuser(layout).FuseElementwise(); }

void FuseFunctions(GraphLayout* layout) { Fuser(layout).FuseFunctions(); }

}  // namespace ubp
