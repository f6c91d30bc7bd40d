// How each tensor of a graph lies in memory, and which ops become part of another.
#ifndef UBP_DELEGATE_GRAPH_LAYOUT_H_
#define UBP_DELEGATE_GRAPH_LAYOUT_H_

#include <memory>
#include <optional>
#include <vector>

#include "delegate/common/status.h"
#include "delegate/cpu/conv_shape.h"
#include "delegate/cpu/plane_geometry.h"
#include "delegate/graph/graph.h"

namespace ubp {

// A tensor may be needed as an NHWC image, channel-major, or both: then it is converted once.
struct TensorLayout {
  Storage storage = Storage::kInternal;
  Dims dims;
  bool image = false;
  bool planes = false;
  PlaneGeometry geometry;  // where `planes`; the same for all tensors of one height and width
};

// A depthwise convolution that the pointwise one behind it computes tile by tile.
struct AbsorbedDepthwise {
  const GraphOp* op = nullptr;
  ConvShape shape{};
};

// An op as it will run, the ops that it absorbed included.
struct PlannedOp {
  const GraphOp* op = nullptr;
  int input = -1;
  int second = -1;  // kAdd: the other summand; kConv2D: a residual added before the activation
  int output = -1;
  ConvShape shape{};  // of convolutions, pooling and fully-connected layers
  Activation activation = Activation::kNone;
  std::optional<AbsorbedDepthwise> depthwise;  // kConv2D: `input` is what this reads
};

// Whether what an op with a window reads outside its input is zero: not for a maximum with padding
// of its own, which ignores what is outside. Pads it absorbed are zeros.
bool PaddingIsZero(const GraphOp& op);

struct GraphLayout {
  // As Graph::tensors, and behind them those of own_ops. Tensors inside absorbed ops are in no form.
  std::vector<TensorLayout> tensors;
  std::vector<PlannedOp> ops;
  std::vector<std::unique_ptr<GraphOp>> own_ops;  // that are in no graph
};

// `dims[t]` are the dimensions of tensor t where it is an input of the graph. `allow_planes` false
// keeps every tensor an image, for a graph of convolutions and fully-connected layers only.
//
//   - PAD before windows with VALID padding becomes their padding.
//   - A depthwise convolution of stride 1 becomes part of the pointwise one that alone reads it, if
//     the tensor between them is large.
//   - Pixels that no op reads are not computed (dead_pixels.h).
//   - ADD becomes the residual of a convolution that computes one summand for it alone.
//   - Whatever lies between two ops of the graph is channel-major if it has more than one pixel;
//     inputs and outputs of the graph are images, which convolutions read and write as they are.
Status MakeLayout(const Graph& graph, const std::vector<Dims>& dims, bool allow_planes,
                  GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_LAYOUT_H_
