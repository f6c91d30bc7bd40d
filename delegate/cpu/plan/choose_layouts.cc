// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/choose_layouts.h"

#include <algorithm>
#include <vector>

#include "delegate/cpu/plan/op_table.h"
#include "delegate/graph/dims.h"

namespace ubp {
namespace {

class LayoutChooser {
 public:
  LayoutChooser(bool allow_planes, GraphLayout* layout)
      : allow_planes_(allow_planes), layout_(*layout) {}

  void Run() {
    for (PlannedOp& op : layout_.ops) Demand(&op);
    for (TensorLayout& tensor : layout_.tensors) {
      const bool internal = tensor.storage == Storage::kInternal;
      if (!internal || !tensor.planes) tensor.nhwc = true;
    }
    for (const PlannedOp& op : layout_.ops) {
      TensorLayout& output = Tensor(op.output);
      // A convolution writes planes if anyone needs them.
      output.planes_first = output.planes && WritesPlanes(op);
    }
  }

 private:
  TensorLayout& Tensor(int tensor) { return layout_.tensors[tensor]; }
  void NeedPlanes(int tensor) { Tensor(tensor).planes = true; }
  void NeedNhwc(int tensor) { Tensor(tensor).nhwc = true; }
  void Need(int tensor, bool planes) { planes ? NeedPlanes(tensor) : NeedNhwc(tensor); }

  bool HasPixels(int tensor) {
    const Dims& dims = Tensor(tensor).dims;
    return dims.size() == 4 && dims[1] * dims[2] > 1;
  }

  bool WritesPlanes(const PlannedOp& op) const {
    const Layouts layouts = CpuOpOf(*op.op).layouts;
    if (layouts == Layouts::kEither) {
      return op.op->is_int8() ? !RunsOnVectors(op) : allow_planes_;
    }
    return layouts == Layouts::kPlanes || layouts == Layouts::kSpreads || op.channel_major;
  }

  void Demand(PlannedOp* op) {
    switch (CpuOpOf(*op->op).layouts) {
      case Layouts::kEither:
        return DemandOfConvolution(*op);
      case Layouts::kFollows:
        return DemandOfElementwise(op);
      case Layouts::kPlanes:
        NeedPlanes(op->input);
        return NeedPlanes(op->output);
      case Layouts::kReduces:
        NeedPlanes(op->input);
        return NeedNhwc(op->output);
      case Layouts::kSpreads:
        NeedNhwc(op->input);
        return NeedPlanes(op->output);
      case Layouts::kNhwc:
        NeedNhwc(op->input);
        return NeedNhwc(op->output);
    }
  }

  void DemandOfConvolution(const PlannedOp& op) {
    if (op.op->is_int8()) {
      Need(op.input, !RunsOnVectors(op));
      if (op.second >= 0) NeedPlanes(op.second);
      return Need(op.output, !RunsOnVectors(op));
    }
    if (!allow_planes_) {
      NeedNhwc(op.input);
      return NeedNhwc(op.output);
    }
    if (op.depthwise) NeedPlanes(op.input);
    if (op.second >= 0) {
      NeedPlanes(op.second);
      NeedPlanes(op.output);
    } else if (Tensor(op.output).storage == Storage::kInternal && HasPixels(op.output)) {
      NeedPlanes(op.output);
    }
  }

  void DemandOfElementwise(PlannedOp* op) {
    const std::vector<int> inputs = op->Inputs();
    const Dims& dims = Tensor(op->output).dims;
    const bool elementwise = IsElementwise(*op->op);
    const auto is_vector = [&](int t) {
      return elementwise && Tensor(t).dims != dims && IsVectorFor(Tensor(t).dims, dims);
    };
    const auto is_planes = [&](int t) { return Tensor(t).planes; };
    op->channel_major =
        CanBeChannelMajor(*op, inputs) &&
        (IsInt8Arithmetic(*op) || std::any_of(inputs.begin(), inputs.end(), is_vector) ||
         (HasPixels(op->output) && std::any_of(inputs.begin(), inputs.end(), is_planes)));
    for (const int input : inputs) Need(input, op->channel_major && !is_vector(input));
    Need(op->output, op->channel_major);
  }

  static bool IsInt8Arithmetic(const PlannedOp& op) {
    return op.op->is_int8() && op.second >= 0 && op.op->If<ArithmeticOp>();
  }

  // Concatenations along channels, and operands of equal shape or with one number for each channel.
  bool CanBeChannelMajor(const PlannedOp& op, const std::vector<int>& inputs) {
    const Dims& dims = Tensor(op.output).dims;
    if (op.op->type() == OpType::kConcatenation) {
      return dims.size() == 4 && AreWholePlanes(op) &&
             (op.op->As<ConcatenationOp>().axis == -1 || op.op->As<ConcatenationOp>().axis == 3);
    }
    if (IsInt8Arithmetic(op) && dims.size() != 4) return false;
    return std::all_of(inputs.begin(), inputs.end(), [&](int t) {
      return Tensor(t).dims == dims || IsVectorFor(Tensor(t).dims, dims);
    });
  }

  // Whether the channels of each input but the last fill planes.
  bool AreWholePlanes(const PlannedOp& op) {
    if (!op.op->is_int8()) return true;
    const std::vector<int> inputs = op.Inputs();
    return std::all_of(inputs.begin(), inputs.end() - 1,
                       [&](int t) { return Tensor(t).dims.back() % kQuad == 0; });
  }

  bool allow_planes_;
  GraphLayout& layout_;
};

}  // namespace

void ChooseLayouts(bool allow_planes, GraphLayout* layout) {
  LayoutChooser(allow_planes, layout).Run();
}

}  // namespace ubp
