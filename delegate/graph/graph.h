// The part of a model that the delegate runs, free of TFLite: operators on
// tensors, in the order of execution. All tensors are float32.
#ifndef UBP_DELEGATE_GRAPH_GRAPH_H_
#define UBP_DELEGATE_GRAPH_GRAPH_H_

#include <memory>
#include <string>
#include <vector>

#include "delegate/graph/conv_shape.h"
#include "delegate/graph/elementwise_function.h"
#include "delegate/graph/layer_weights.h"

namespace ubp {

using Dims = std::vector<int>;

// In place of sizes in GraphOp::reshape: what the others leave, and the size of an axis of the input.
inline constexpr int kRestOfElements = -1;
constexpr int OfInput(int axis) { return -2 - axis; }

// Where a tensor's memory comes from.
enum class Storage {
  kInput,    // the interpreter's, read
  kOutput,   // the interpreter's, written (and read, where the part uses it too)
  kInternal  // the plan's arena: neither enters nor leaves the part
};

struct GraphTensor {
  Storage storage = Storage::kInternal;
  int model_index = -1;  // of the tensor in the model
};

enum class OpType {
  kConv2D,           // block-sparse or dense
  kFullyConnected,   // block-sparse or dense
  kDepthwiseConv2D,  // depth multiplier 1
  kMaxPool2D,
  kAveragePool2D,  // padding does not count
  kMean,           // over height and width
  kPad,            // zeros around height and width
  kReshape,
  kConcatenation,
  kSoftmax,  // over the last axis
  // Elementwise, of two tensors that broadcast, or of a tensor and a constant.
  kAdd,
  kSub,
  kMul,
  // Elementwise, of one tensor.
  kClamp,     // the activation, standing alone
  kFunction,  // GraphOp::function
};

// The operand of an elementwise op that is constant: a number for each channel, or one for all.
struct ConstantOperand {
  const float* values = nullptr;  // [count], in the model; null where no operand is constant
  int count = 0;                  // channels or 1
  int rank = 0;                   // dimensions; the result has as many at least
  bool first = false;             // it is the first operand
};

struct GraphOp {
  std::string label;  // op and layer, for messages
  int node = -1;      // index in the model; -1 of an op that is in no model
  OpType type = OpType::kConv2D;
  std::vector<int> inputs;  // activations, as indices into Graph::tensors
  int output = -1;
  // Window, channels and fused activation, as far as the type has them; block_size is 1 where the
  // layer is not converted. In and out channels are equal for a depthwise convolution; 0 for ops
  // without weights.
  LayerAttributes attributes;
  Pads pads;                 // kPad
  bool keep_dims = false;    // kMean: output [batch, 1, 1, channels]
  int axis = -1;             // kConcatenation: negative from the last one on
  Dims reshape;              // kReshape: sizes, kRestOfElements once at most, or OfInput()
  ConstantOperand constant;  // kAdd, kSub, kMul of one tensor; kFunction: the function's number s
  float factor = 1.0f;       // kSoftmax: of the exponents
  UnaryFunction function;    // kFunction
  // kConv2D, kFullyConnected. For kDepthwiseConv2D only dense: [kernel_h, kernel_w, channels].
  PackedLayer packed;  // of a converted layer: packed.counts() is not empty
  DenseWeights dense;  // of any other; its weights are null for a converted one
  CacheSlot slot;      // for the form that kernels read
};

// Of a convolution or fully-connected layer.
inline LayerWeights WeightsOf(const GraphOp& op) {
  return {op.attributes, op.packed, op.dense, op.slot};
}

struct Graph {
  std::vector<GraphTensor> tensors;
  std::vector<GraphOp> ops;
  std::shared_ptr<const void> constants;  // those that ops refer to and the model does not have
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_GRAPH_H_
