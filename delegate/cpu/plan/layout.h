// SPDX-License-Identifier: Apache-2.0
// How each tensor of a graph lies in memory, and which ops become part of another.
#ifndef UBP_DELEGATE_CPU_PLAN_LAYOUT_H_
#define UBP_DELEGATE_CPU_PLAN_LAYOUT_H_

#include <memory>
#include <optional>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/cpu/plan/plan_rules.h"
#include "delegate/cpu/plan/strip_schedule.h"
#include "delegate/graph/shaped_graph.h"

namespace ubp {

// A tensor may be needed as an NHWC image, channel-major, or both: then it is converted once.
struct TensorLayout : ShapedTensor {
  bool nhwc = false;
  bool planes = false;
  bool planes_first = false;  // the layout it is written in, where it is needed in both
  // Where `planes`: the same for all tensors of one height and width, but for row buffers.
  PlaneGeometry geometry;
  // Above 0, the tensor never lies in memory as a whole: `geometry` is that of a buffer of its rows
  // in one image, of which there are so many.
  int row_buffers = 0;
  // The planes are those of this tensor from `first_plane` on (place_concatenations.h), or -1.
  int container = -1;
  int first_plane = 0;

  // Of one image: one for each channel, or of an int8 tensor one for each quad, four channels.
  int planes_per_image() const { return type.is_int8() ? (dims[3] + 3) / 4 : dims[3]; }
};

// A depthwise convolution that the pointwise one behind it computes tile by tile.
struct AbsorbedDepthwise {
  const GraphOp* op = nullptr;
  ConvShape shape{};
  Activation activation = Activation::kNone;
  std::optional<UnaryFunction> function;  // behind the activation
};

// An op as the CPU runs it.
struct PlannedOp : ShapedOp {
  std::optional<AbsorbedDepthwise> depthwise;  // kConv2D: `input` is what this reads
  bool channel_major = false;  // elementwise ops, kConcatenation: runs on planes, else on images
};

// Whether an op with a window reads a channel-major input where it is, in the halo of its geometry.
bool ReadsInPlace(const PlannedOp& op);

// Whether an int8 layer runs on vectors, images to images; others run planes to planes.
bool RunsOnVectors(const PlannedOp& op);

// Ops [first_op, end_op) of a layout, which run strip by strip (strip_schedule.h).
struct StripGroup {
  size_t first_op = 0;
  size_t end_op = 0;
  std::vector<int> tensors;  // of the layout, by number in the group
  StripOps strips;
  std::vector<int> buffer_rows;                 // by tensor of the group; 0 for whole tensors
  std::vector<std::vector<StripAction>> bands;  // what to do for each band, in order
};

struct GraphLayout {
  std::vector<TensorLayout> tensors;  // as ShapedGraph::tensors; those inside absorbed ops in none
  std::vector<PlannedOp> ops;
  std::vector<StripGroup> strips;                 // in order
  std::vector<std::unique_ptr<GraphOp>> own_ops;  // that are in no graph
};

struct LayoutOptions {
  bool allow_planes = true;  // false: convolutions read and write NHWC, as the reference does
  int threads = 1;
  PlanRules rules;
  bool verify = kVerifyPasses;  // every pass, by VerifyLayout
};

// `dims[t]` are the dimensions of tensor t where it is an input of the graph. Without planes the
// graph has convolutions and fully-connected layers only. The graph is rewritten (rewrite.h), then:
//
//   - A depthwise convolution of stride 1 becomes part of the pointwise one that alone reads it, if
//     the tensor between them is large (absorb_depthwise.h).
//   - Each tensor is an image, channel-major, or both (choose_layouts.h).
//   - Concatenations along channels are written where they lie (place_concatenations.h).
//   - Ops with large tensors between them run strip by strip (choose_strips.h).
Status MakeLayout(const Graph& graph, const std::vector<Dims>& dims, const LayoutOptions& options,
                  GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_LAYOUT_H_
