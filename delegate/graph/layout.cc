#include "delegate/graph/layout.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "delegate/cpu/convolution.h"
#include "delegate/cpu/planes.h"
#include "delegate/cpu/window_operator.h"
#include "delegate/graph/concatenation.h"
#include "delegate/graph/dead_pixels.h"
#include "delegate/graph/forms.h"
#include "delegate/graph/fusion.h"
#include "delegate/graph/shapes.h"
#include "delegate/graph/strips.h"
#include "delegate/graph/verify_layout.h"

namespace ubp {
namespace {

class LayoutMaker {
 public:
  LayoutMaker(const Graph& graph, const LayoutOptions& options, GraphLayout* layout)
      : graph_(graph), options_(options), rules_(options.rules), layout_(*layout) {}

  Status Make(const std::vector<Dims>& dims) {
    const size_t tensors = graph_.tensors.size();
    layout_.tensors.resize(tensors);
    padded_.resize(tensors);
    for (size_t t = 0; t < tensors; ++t) {
      layout_.tensors[t].storage = graph_.tensors[t].storage;
      layout_.tensors[t].dims = dims[t];
    }
    CountUses();
    for (const GraphOp& op : graph_.ops) UBP_RETURN_IF_ERROR(AddOp(op));
    DropUnneeded();
    UBP_RETURN_IF_ERROR(Verify("made of the graph"));
    if (options_.allow_planes) UBP_RETURN_IF_ERROR(Rewrite());
    ChooseForms(options_.allow_planes, &layout_);
    UBP_RETURN_IF_ERROR(ChooseGeometries());
    UBP_RETURN_IF_ERROR(CheckDepthwise());
    UBP_RETURN_IF_ERROR(Verify("ChooseGeometries"));
    if (rules_.place_concatenations) PlaceConcatenations(&layout_);
    UBP_RETURN_IF_ERROR(Verify("PlaceConcatenations"));
    if (!options_.allow_planes || !rules_.use_strips) return Status::Ok();
    UBP_RETURN_IF_ERROR(ChooseStrips(rules_, options_.threads, &layout_));
    return Verify("ChooseStrips");
  }

 private:
  // What the passes must have left as it should be; `pass` is the one just done.
  Status Verify(const char* pass) const {
    if (!options_.verify) return Status::Ok();
    const Status status = VerifyLayout(layout_);
    return status.ok() ? status : Status::Error(std::string(pass) + ": " + status.message());
  }

  Status Rewrite() {
    FuseElementwise(&layout_);
    UBP_RETURN_IF_ERROR(Verify("FuseElementwise"));
    AbsorbAdds();
    UBP_RETURN_IF_ERROR(Verify("AbsorbAdds"));
    if (rules_.fuse_functions) FuseFunctions(&layout_);
    UBP_RETURN_IF_ERROR(Verify("FuseFunctions"));
    if (rules_.skip_dead_pixels) RemoveDeadPixels(&layout_);
    UBP_RETURN_IF_ERROR(Verify("RemoveDeadPixels"));
    if (rules_.fuse_depthwise) AbsorbDepthwise();
    return Verify("AbsorbDepthwise");
  }

  // A tensor that a PAD writes and that its readers read instead as `source`, with these pads.
  struct Padded {
    int source = -1;
    Pads pads;
    const GraphOp* op = nullptr;
  };

  void CountUses() {
    readers_.resize(graph_.tensors.size());
    for (const GraphOp& op : graph_.ops) {
      for (const int input : op.inputs) readers_[input].push_back(&op);
    }
  }

  bool IsInternal(int tensor) const {
    return layout_.tensors[tensor].storage == Storage::kInternal;
  }

  bool CanAbsorbPad(const GraphOp& pad) const {
    const auto takes_pads = [](const GraphOp* reader) {
      return HasWindow(reader->type) && reader->attributes.padding == Padding::kValid;
    };
    const std::vector<const GraphOp*>& readers = readers_[pad.output];
    return IsInternal(pad.output) && std::all_of(readers.begin(), readers.end(), takes_pads);
  }

  Status AddOp(const GraphOp& op) {
    PlannedOp planned;
    planned.op = &op;
    planned.input = op.inputs[0];
    if (op.type == OpType::kConcatenation) {
      planned.further.assign(op.inputs.begin() + 1, op.inputs.end());
    } else if (op.inputs.size() > 1) {
      planned.second = op.inputs[1];
    }
    planned.output = op.output;
    planned.activation = op.attributes.activation;
    planned.function = FunctionOf(op);
    planned.scale = ScaleOf(op);
    const Padded& padded = padded_[planned.input];
    if (padded.source >= 0) {
      planned.input = padded.source;
      planned.absorbed.push_back(padded.op);
    }
    std::vector<Dims> inputs;
    for (const int input : op.inputs) inputs.push_back(layout_.tensors[input].dims);
    inputs[0] = layout_.tensors[planned.input].dims;
    const Status status =
        InferShape(op, inputs, padded.pads, &planned.shape, &layout_.tensors[op.output].dims);
    if (!status.ok()) return Status::Error(op.label + ": " + status.message());
    if (op.type == OpType::kPad && CanAbsorbPad(op)) {
      padded_[op.output] = {planned.input, op.pads, &op};
    } else {
      layout_.ops.push_back(planned);
    }
    return Status::Ok();
  }

  // Ops that write nothing, or what nobody reads. The dimensions of what they write are checked and
  // known.
  void DropUnneeded() {
    std::set<int> read;
    std::vector<PlannedOp> needed;
    for (auto op = layout_.ops.rbegin(); op != layout_.ops.rend(); ++op) {
      const TensorLayout& output = layout_.tensors[op->output];
      const bool is_read = !IsInternal(op->output) || read.count(op->output) > 0;
      if (!is_read || ElementsOf(output.dims) == 0) continue;
      read.insert({op->input, op->second});
      read.insert(op->further.begin(), op->further.end());
      needed.push_back(std::move(*op));
    }
    layout_.ops.assign(std::make_move_iterator(needed.rbegin()),
                       std::make_move_iterator(needed.rend()));
  }

  // The op before `end` that writes `tensor` and may take an ADD in: a convolution in planes
  // without an activation, for nobody else.
  PlannedOp* ResidualHost(int tensor, size_t end) {
    if (!IsInternal(tensor) || readers_[tensor].size() != 1) return nullptr;
    for (size_t i = 0; i < end; ++i) {
      PlannedOp& op = layout_.ops[i];
      if (op.output != tensor) continue;
      const bool able =
          op.op->type == OpType::kConv2D && op.second < 0 && op.activation == Activation::kNone;
      return able ? &op : nullptr;
    }
    return nullptr;
  }

  void AbsorbAdds() {
    for (size_t i = 0; i < layout_.ops.size();) {
      if (!IsSum(layout_.ops[i]) || !TryAbsorbAdd(i)) ++i;
    }
  }

  // Of two tensors of equal shape.
  bool IsSum(const PlannedOp& op) const {
    return op.op->type == OpType::kAdd && op.second >= 0 &&
           layout_.tensors[op.input].dims == layout_.tensors[op.second].dims;
  }

  bool TryAbsorbAdd(size_t i) {
    const PlannedOp add = layout_.ops[i];
    for (const auto& [summand, other] :
         {std::pair(add.second, add.input), {add.input, add.second}}) {
      PlannedOp* const host = ResidualHost(summand, i);
      if (host == nullptr || other == summand || !WrittenBefore(other, host)) continue;
      host->second = other;
      host->output = add.output;
      host->activation = add.activation;
      host->Absorb(add);
      layout_.ops.erase(layout_.ops.begin() + static_cast<ptrdiff_t>(i));
      return true;
    }
    return false;
  }

  void AbsorbDepthwise() {
    for (size_t i = 0; i < layout_.ops.size();) {
      PlannedOp* const host = DepthwiseHost(layout_.ops[i]);
      if (host == nullptr) {
        ++i;
        continue;
      }
      host->depthwise = AbsorbedDepthwise{layout_.ops[i].op, layout_.ops[i].shape,
                                          layout_.ops[i].activation, layout_.ops[i].function};
      host->input = layout_.ops[i].input;
      host->Absorb(layout_.ops[i]);
      layout_.ops.erase(layout_.ops.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  // The pointwise convolution that may take a depthwise one in.
  PlannedOp* DepthwiseHost(const PlannedOp& op) {
    const ConvShape& s = op.shape;
    if (op.op->type != OpType::kDepthwiseConv2D || !s.unit_stride() || !WindowReadsInPlace(s) ||
        s.in_h != s.out_h || s.in_w != s.out_w || !IsInternal(op.output) ||
        readers_[op.output].size() != 1 || s.out_pixels() * s.out_c < rules_.fuse_elements) {
      return nullptr;
    }
    for (PlannedOp& reader : layout_.ops) {
      const bool reads = reader.op == readers_[op.output][0] && reader.input == op.output;
      if (reads && reader.op->type == OpType::kConv2D && reader.shape.pointwise()) return &reader;
    }
    return nullptr;
  }

  bool WrittenBefore(int tensor, const PlannedOp* host) const {
    if (layout_.tensors[tensor].storage == Storage::kInput) return true;
    for (const PlannedOp& op : layout_.ops) {
      if (&op == host) return false;
      if (op.output == tensor) return true;
    }
    return false;
  }

  // One geometry for each height and width, with halo and pitch enough for every op there.
  Status ChooseGeometries() {
    std::map<std::pair<int, int>, Halo> halos;
    const auto halo_of = [&](int tensor) -> Halo& {
      const Dims& dims = layout_.tensors[tensor].dims;
      return halos[{dims[1], dims[2]}];
    };
    for (const PlannedOp& op : layout_.ops) {
      if (!HasWindow(op.op->type)) continue;
      const ConvShape& s = op.depthwise ? op.depthwise->shape : op.shape;
      if (layout_.tensors[op.input].planes && ReadsInPlace(op)) {
        const Halo needed = HaloFor(s);
        Halo& halo = halo_of(op.input);
        halo.rows = std::max(halo.rows, needed.rows);
        halo.columns = std::max(halo.columns, needed.columns);
      }
      if (layout_.tensors[op.output].planes) {
        const int64_t junk = Planes::MinPitch(s) - s.out_w;
        if (junk > kMaxPlaneFloats) return Planes::Check(s, s.out_h, Planes::MinPitch(s));
        Halo& halo = halo_of(op.output);
        halo.columns = std::max(halo.columns, static_cast<int>(junk));
      }
    }
    std::map<std::pair<int, int>, PlaneGeometry> geometries;
    for (size_t t = 0; t < layout_.tensors.size(); ++t) {
      TensorLayout& tensor = layout_.tensors[t];
      if (!tensor.planes) continue;
      const std::pair<int, int> size(tensor.dims[1], tensor.dims[2]);
      const auto [found, is_new] = geometries.try_emplace(size);
      if (is_new) {
        UBP_RETURN_IF_ERROR(
            MakePlaneGeometry(size.first, size.second, halos[size], &found->second));
      }
      tensor.geometry = found->second;
    }
    return Status::Ok();
  }

  // Whether depthwise convolutions that go by way of planes of their own, one channel at a time, can
  // have them. Other convolutions check that themselves.
  Status CheckDepthwise() const {
    for (const PlannedOp& op : layout_.ops) {
      if (op.op->type != OpType::kDepthwiseConv2D || ReadsInPlace(op)) continue;
      ConvShape one_channel = op.shape;
      one_channel.in_c = one_channel.out_c = 1;
      const int pitch = layout_.tensors[op.output].geometry.pitch;
      const Status status = Planes::Check(one_channel, op.shape.out_h, pitch);
      if (!status.ok()) return Status::Error(op.op->label + ": " + status.message());
    }
    return Status::Ok();
  }

  const Graph& graph_;
  const LayoutOptions options_;
  const PlanRules& rules_;
  GraphLayout& layout_;
  std::vector<Padded> padded_;                        // by tensor
  std::vector<std::vector<const GraphOp*>> readers_;  // by tensor
};

}  // namespace

bool PlannedOp::ReadsAsWell(int tensor) const {
  return second == tensor || std::find(further.begin(), further.end(), tensor) != further.end();
}

void PlannedOp::Absorb(const PlannedOp& other) {
  absorbed.push_back(other.op);
  absorbed.insert(absorbed.end(), other.absorbed.begin(), other.absorbed.end());
}

bool PaddingIsZero(const GraphOp& op) {
  return op.type != OpType::kMaxPool2D || op.attributes.padding == Padding::kValid;
}

bool HasWindow(OpType type) {
  return type == OpType::kConv2D || type == OpType::kDepthwiseConv2D ||
         type == OpType::kMaxPool2D || type == OpType::kAveragePool2D;
}

bool ReadsInPlace(const PlannedOp& op) {
  if (op.op->type == OpType::kConv2D && !op.depthwise) return ConvolutionReadsInPlace(op.shape);
  return WindowReadsInPlace(op.depthwise ? op.depthwise->shape : op.shape) && PaddingIsZero(*op.op);
}

Status MakeLayout(const Graph& graph, const std::vector<Dims>& dims, const LayoutOptions& options,
                  GraphLayout* layout) {
  return LayoutMaker(graph, options, layout).Make(dims);
}

}  // namespace ubp
