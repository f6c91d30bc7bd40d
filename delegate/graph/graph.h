// SPDX-License-Identifier: Apache-2.0
// The part of a model that the delegate runs, free of TFLite: operators on
// tensors, in the order of execution.
#ifndef UBP_DELEGATE_GRAPH_GRAPH_H_
#define UBP_DELEGATE_GRAPH_GRAPH_H_

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/ops.h"
#include "delegate/graph/quantization.h"

namespace ubp {

// Where a tensor's memory comes from.
enum class Storage {
  kInput,    // the interpreter's, read
  kOutput,   // the interpreter's, written (and read, where the part uses it too)
  kInternal  // the plan's arena: neither enters nor leaves the part
};

struct GraphTensor {
  Storage storage = Storage::kInternal;
  int model_index = -1;  // of the tensor in the model
  TensorType type = {};
};

struct GraphOp {
  std::string label;        // op and layer, for messages
  int node = -1;            // index in the model; -1 of an op that is in no model
  std::vector<int> inputs;  // activations, as indices into Graph::tensors
  int output = -1;
  ElementType elements = ElementType::kFloat32;  // of all its tensors
  Activation activation = Activation::kNone;     // fused
  OpDetails details;

  OpType type() const;
  bool is_int8() const { return elements == ElementType::kInt8; }
  // The struct of the op's kind, which it must have; or null, where it is of another.
  template <class Kind>
  const Kind& As() const {
    return std::get<Kind>(details);
  }
  template <class Kind>
  const Kind* If() const {
    return std::get_if<Kind>(&details);
  }
};

// OpTraits of the op's kind.
bool HasWindow(const GraphOp& op);
bool IsElementwise(const GraphOp& op);
bool HasActivation(const GraphOp& op);
bool TakesFunction(const GraphOp& op);

// A convolution, transposed or not, or fully-connected layer; null for other ops.
const LayerWeights* LayerOf(const GraphOp& op);
// Window and channels, as far as the kind has them, with 0 channels where it has no weights.
const LayerAttributes& AttributesOf(const GraphOp& op);
// The constant operand of an elementwise op, without values where it has none.
const ConstantOperand& ConstantOf(const GraphOp& op);

// The shape of what any op writes, from the dimensions of its inputs: see ops.h. The output may be
// empty where TensorFlow Lite's is.
Status InferShape(const GraphOp& op, const std::vector<Dims>& inputs, const Pads& padded,
                  ConvShape* shape, Dims* output);

struct Graph {
  std::vector<GraphTensor> tensors;
  std::vector<GraphOp> ops;
  std::shared_ptr<const void> constants;  // those that ops refer to and the model does not have

  bool has_int8() const;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_GRAPH_H_
