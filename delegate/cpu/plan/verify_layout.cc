// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/verify_layout.h"

#include <algorithm>
#include <string>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/plan/choose_layouts.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/graph/dims.h"

namespace ubp {
namespace {

constexpr int64_t kFloatsPerLine = kCacheLineBytes / sizeof(float);

// Rows of planes that one loop runs over.
bool Alike(const PlaneGeometry& a, const PlaneGeometry& b) {
  return a.width == b.width && a.pitch == b.pitch;
}

class LayoutVerifier {
 public:
  explicit LayoutVerifier(const GraphLayout& layout) : layout_(layout) {}

  Status Verify() const {
    UBP_RETURN_IF_ERROR(VerifyShapedGraph(Shaped()));
    for (const PlannedOp& op : layout_.ops) {
      std::string fault = DepthwiseFault(op);
      if (fault.empty() && HasForms()) fault = FormFault(op);
      if (fault.empty() && HasGeometry(op)) fault = GeometryFault(op);
      if (!fault.empty()) return Status::Error(op.op->label + ": " + fault + ".");
    }
    for (const TensorLayout& tensor : layout_.tensors) {
      const std::string fault = TensorFault(tensor);
      if (!fault.empty()) return Status::Error("a tensor: " + fault + ".");
    }
    for (const StripGroup& group : layout_.strips) {
      UBP_RETURN_IF_ERROR(VerifyStrips(layout_, group));
    }
    return Status::Ok();
  }

 private:
  const TensorLayout& Tensor(int tensor) const { return layout_.tensors[tensor]; }

  ShapedGraph Shaped() const {
    ShapedGraph shaped;
    shaped.tensors.assign(layout_.tensors.begin(), layout_.tensors.end());
    shaped.ops.assign(layout_.ops.begin(), layout_.ops.end());
    return shaped;
  }

  static std::string DepthwiseFault(const PlannedOp& op) {
    if (!op.depthwise) return "";
    const ConvShape& s = op.depthwise->shape;
    ConvShape exact = s;
    exact.SetTrailingPads();
    if (exact.pad_bottom != s.pad_bottom || exact.pad_right != s.pad_right) {
      return "padding of the depthwise part is not what windows read";
    }
    const ConvShape& p = op.shape;
    const bool same = s.in_h == p.in_h && s.in_w == p.in_w && s.out_h == p.in_h &&
                      s.out_w == p.in_w && s.in_c == p.in_c && s.batch == p.batch;
    return same ? "" : "the depthwise part has another shape";
  }

  bool HasForms() const {
    return std::any_of(layout_.tensors.begin(), layout_.tensors.end(),
                       [](const TensorLayout& t) { return t.nhwc || t.planes; });
  }

  std::string FormFault(const PlannedOp& op) const {
    const Layouts layouts = CpuOpOf(*op.op).layouts;
    const auto lies = [&](int t, bool planes) {
      return planes ? Tensor(t).planes : Tensor(t).nhwc;
    };
    bool input_planes = op.channel_major;
    bool output_planes = op.channel_major;
    if (layouts == Layouts::kEither) {
      input_planes = op.op->is_int8() ? !RunsOnVectors(op) : Tensor(op.input).planes;
      output_planes = op.op->is_int8() ? !RunsOnVectors(op) : Tensor(op.output).planes;
      if (op.second >= 0 && !(output_planes && Tensor(op.second).planes)) {
        return "a residual that is not channel-major";
      }
    } else if (layouts == Layouts::kPlanes) {
      input_planes = output_planes = true;
    } else if (layouts == Layouts::kReduces) {
      input_planes = true;
    } else if (layouts == Layouts::kSpreads) {
      output_planes = true;
    }
    for (const int input : op.Inputs()) {
      const bool is_vector = IsElementwise(*op.op) && Tensor(input).dims != Tensor(op.output).dims;
      if (layouts == Layouts::kEither && input == op.second) continue;
      if (!lies(input, input_planes && !is_vector)) {
        return "tensor " + std::to_string(input) + " is not in the form that it is read in";
      }
    }
    return lies(op.output, output_planes) ? ""
                                          : "the output is not in the form that it is written in";
  }

  bool HasGeometry(const PlannedOp& op) const {
    const TensorLayout& output = Tensor(op.output);
    const TensorLayout& input = Tensor(op.input);
    return (output.planes && output.geometry.pitch > 0) ||
           (input.planes && input.geometry.pitch > 0);
  }

  std::string GeometryFault(const PlannedOp& op) const {
    const TensorLayout& input = Tensor(op.input);
    const TensorLayout& output = Tensor(op.output);
    if (op.op->type() == OpType::kConv2D && op.second >= 0 &&
        !Alike(Tensor(op.second).geometry, output.geometry)) {
      return "the residual has another pitch than the output";
    }
    if (op.channel_major) {
      for (const int t : op.Inputs()) {
        const bool is_vector = Tensor(t).dims != output.dims && IsElementwise(*op.op);
        if (!is_vector && !Alike(Tensor(t).geometry, output.geometry)) {
          return "an operand has another pitch than the output";
        }
      }
    }
    if (!HasWindow(*op.op)) return "";
    const ConvShape& reads = op.depthwise ? op.depthwise->shape : op.shape;
    const bool flat = op.op->type() == OpType::kConv2D;  // at one pitch for input and output
    const bool in_place =
        input.planes && ReadsInPlace(op) &&
        (!flat || !output.planes || input.geometry.pitch == output.geometry.pitch);
    if (in_place) {
      const bool suits =
          input.row_buffers > 0 ? input.geometry.ColumnsSuit(reads) : input.geometry.Suits(reads);
      if (!suits) return "the input's halo is less than windows read";
    }
    if (op.depthwise) return in_place ? "" : "the depthwise part cannot read in place";
    if (!in_place && output.planes && output.geometry.pitch < PhasePlanes::MinPitch(op.shape)) {
      return "the output's pitch is less than " + std::to_string(PhasePlanes::MinPitch(op.shape));
    }
    return "";
  }

  std::string TensorFault(const TensorLayout& tensor) const {
    const PlaneGeometry& g = tensor.geometry;
    if (!tensor.planes || g.pitch == 0) return "";
    if (tensor.dims.size() != 4) return "it is channel-major, and no image";
    const int height = tensor.row_buffers > 0 ? g.height : tensor.dims[1];
    if (g.height != height || g.width != tensor.dims[2]) return "its geometry is another tensor's";
    if (g.pitch != g.width + g.halo.columns) return "its pitch is not its width and halo";
    const int64_t reach = int64_t{g.halo.rows} * g.pitch + g.halo.columns;
    if (g.lead < std::max<int64_t>(1, reach) || g.lead % kFloatsPerLine != 0) {
      return "fewer floats lie before its planes than its halo has";
    }
    if (g.plane_stride < int64_t{g.lead} + g.flat_pixels() ||
        g.plane_stride % kFloatsPerLine != 0) {
      return "its planes overlap";
    }
    if (tensor.container < 0) return "";
    const TensorLayout& container = Tensor(tensor.container);
    const bool inside =
        tensor.first_plane >= 0 &&
        int64_t{tensor.first_plane} + tensor.planes_per_image() <= container.planes_per_image();
    return inside && container.planes && g.plane_stride == container.geometry.plane_stride &&
                   g.lead == container.geometry.lead
               ? ""
               : "it does not lie in the concatenation that it is put into";
  }

  const GraphLayout& layout_;
};

}  // namespace

Status VerifyLayout(const GraphLayout& layout) { return LayoutVerifier(layout).Verify(); }

}  // namespace ubp
