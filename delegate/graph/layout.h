// How each tensor of a graph lies in memory, and which ops become part of another.
#ifndef UBP_DELEGATE_GRAPH_LAYOUT_H_
#define UBP_DELEGATE_GRAPH_LAYOUT_H_

#include <memory>
#include <optional>
#include <vector>

#include "delegate/common/status.h"
#include "delegate/cpu/conv_shape.h"
#include "delegate/cpu/elementwise.h"
#include "delegate/cpu/plane_geometry.h"
#include "delegate/cpu/row_function.h"
#include "delegate/graph/graph.h"
#include "delegate/graph/plan_rules.h"
#include "delegate/graph/strip_schedule.h"

namespace ubp {

// A tensor may be needed as an NHWC image, channel-major, or both: then it is converted once.
struct TensorLayout {
  Storage storage = Storage::kInternal;
  Dims dims;
  bool image = false;
  bool planes = false;
  bool planes_first = false;  // the form it is written in, where it is needed in both
  // Where `planes`: the same for all tensors of one height and width, but for windows.
  PlaneGeometry geometry;
  // Above 0, the tensor never lies in memory as a whole: `geometry` is that of a window of its rows
  // in one image, of which there are so many.
  int windows = 0;
  // The planes are those of this tensor from `first_plane` on (concatenation.h), or -1.
  int container = -1;
  int first_plane = 0;
};

// A depthwise convolution that the pointwise one behind it computes tile by tile.
struct AbsorbedDepthwise {
  const GraphOp* op = nullptr;
  ConvShape shape{};
  Activation activation = Activation::kNone;
  std::optional<UnaryFunction> function;  // behind the activation
};

// An op as it will run, the ops that it absorbed included.
struct PlannedOp {
  const GraphOp* op = nullptr;
  std::vector<const GraphOp*> absorbed;  // that became part of it
  int input = -1;
  // Elementwise ops of two tensors: the second; kConv2D: a residual added before the activation.
  int second = -1;
  std::vector<int> further;  // kConcatenation: the inputs but the first
  int output = -1;
  ConvShape shape{};  // of convolutions, pooling and fully-connected layers
  Activation activation = Activation::kNone;
  // Elementwise ops of one tensor: what they compute. Ops with weights or a window: what is applied
  // behind the activation.
  std::optional<UnaryFunction> function;
  std::optional<AbsorbedDepthwise> depthwise;  // kConv2D: `input` is what this reads
  std::optional<ChannelScale> scale;  // kAdd, kSub, kMul with a constant: what they compute
  bool channel_major = false;  // elementwise ops, kConcatenation: runs on planes, else on images

  // Whether it reads the tensor beside `input`.
  bool ReadsAsWell(int tensor) const;
  // Notes that `other`, with all that this absorbed, becomes part of it.
  void Absorb(const PlannedOp& other);
};

// Whether what an op with a window reads outside its input is zero: not for a maximum with padding
// of its own, which ignores what is outside. Pads it absorbed are zeros.
bool PaddingIsZero(const GraphOp& op);

bool HasWindow(OpType type);

// Whether an op with a window reads a channel-major input where it is, in the halo of its geometry.
bool ReadsInPlace(const PlannedOp& op);

// Ops [first_op, end_op) of a layout, which run strip by strip (strip_schedule.h).
struct StripGroup {
  size_t first_op = 0;
  size_t end_op = 0;
  std::vector<int> tensors;  // of the layout, by number in the group
  StripOps strips;
  std::vector<int> window_rows;                 // by tensor of the group; 0 for whole tensors
  std::vector<std::vector<StripAction>> bands;  // what to do for each band, in order
};

struct GraphLayout {
  // As Graph::tensors, and behind them those of own_ops. Tensors inside absorbed ops are in no form.
  std::vector<TensorLayout> tensors;
  std::vector<PlannedOp> ops;
  std::vector<StripGroup> strips;                 // in order
  std::vector<std::unique_ptr<GraphOp>> own_ops;  // that are in no graph
};

struct LayoutOptions {
  bool allow_planes = true;  // false: every tensor is an image, each op for itself
  int threads = 1;
  PlanRules rules;
  bool verify = kVerifyLayouts;  // every pass, by VerifyLayout
};

// `dims[t]` are the dimensions of tensor t where it is an input of the graph. Without planes the
// graph has convolutions and fully-connected layers only.
//
//   - Ops that compute nothing that is needed are dropped.
//   - PAD before windows with VALID padding becomes their padding.
//   - Elementwise ops become part of others (fusion.h).
//   - A depthwise convolution of stride 1 becomes part of the pointwise one that alone reads it, if
//     the tensor between them is large.
//   - Pixels that no op reads are not computed (dead_pixels.h).
//   - ADD becomes the residual of a convolution that computes one summand for it alone.
//   - Each tensor is an image, channel-major, or both (forms.h).
//   - Concatenations along channels are written where they lie (concatenation.h).
//   - Ops with large tensors between them run strip by strip (strips.h).
Status MakeLayout(const Graph& graph, const std::vector<Dims>& dims, const LayoutOptions& options,
                  GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_LAYOUT_H_
