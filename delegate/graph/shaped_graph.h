// SPDX-License-Identifier: Apache-2.0
// A graph for given input shapes, as rewriting passes change it: ops become part of others, until
// what is left is what a backend runs.
#ifndef UBP_DELEGATE_GRAPH_SHAPED_GRAPH_H_
#define UBP_DELEGATE_GRAPH_SHAPED_GRAPH_H_

#include <memory>
#include <optional>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/channel_scale.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/graph/graph.h"

namespace ubp {

struct ShapedTensor {
  Storage storage = Storage::kInternal;
  Dims dims;
  TensorType type = {};
};

// An op as it will run, the ops that it absorbed included.
struct ShapedOp {
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
  // Of poolings: what lies outside the image does not count. Else it is zero, as pads are.
  bool ignores_padding = false;
  // Int8 kConv2D with a residual: of the convolution's result, which is rounded before the sum.
  std::optional<Quantization> before_sum;
  std::optional<ChannelScale> scale;  // kAdd, kSub, kMul with a constant: what they compute

  // All tensors that it reads, in their order.
  std::vector<int> Inputs() const;
  // Whether it reads the tensor beside `input`.
  bool ReadsAsWell(int tensor) const;
  // Notes that `other`, with all that this absorbed, becomes part of it.
  void Absorb(const ShapedOp& other);
};

struct ShapedGraph {
  // As Graph::tensors, and behind them those of own_ops. Tensors inside absorbed ops are not written.
  std::vector<ShapedTensor> tensors;
  std::vector<ShapedOp> ops;                      // in an order in which they can run
  std::vector<std::unique_ptr<GraphOp>> own_ops;  // that are in no graph

  bool IsInternal(int tensor) const { return tensors[tensor].storage == Storage::kInternal; }
  // How many ops read each tensor; an op that reads one twice counts twice.
  std::vector<int> ReadersOf() const;
};

// Whether what an op with a window reads outside its input may be zero: not for a maximum that ignores
// what is outside.
bool PaddingIsZero(const ShapedOp& op);

// Infers all shapes. `dims[t]` are the dimensions of tensor t where it is an input of the graph,
// which must outlive the result. Fails with a sentence that names the op.
Status MakeShapedGraph(const Graph& graph, const std::vector<Dims>& dims, ShapedGraph* shaped);

// Whether a graph is as passes and backends rely on, at any stage of its rewriting: ops read what is
// written before, once; or an input; or nothing, of an empty tensor. Shapes are those of the tensors;
// padding on all four sides is what windows read outside. Fails with a sentence that names the op.
Status VerifyShapedGraph(const ShapedGraph& graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_SHAPED_GRAPH_H_
