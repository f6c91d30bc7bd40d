// SPDX-License-Identifier: Apache-2.0
// TFLite's builtin operators that the delegate can run: in which forms, and how
// a node of each is read.
#ifndef UBP_DELEGATE_TFLITE_MODEL_BUILTIN_OPS_H_
#define UBP_DELEGATE_TFLITE_MODEL_BUILTIN_OPS_H_

#include <cstddef>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/tflite/model/node_view.h"

namespace ubp {

struct BuiltinOp {
  int code;           // TfLiteBuiltinOperator
  int activations;    // the node's first inputs, those after them are constants; negative where
                      // ActivationInputs() has to look at the node
  size_t input_rank;  // of the activations; 0: any but 0
  int min_inputs;
  int max_inputs;
  bool takes_int8;  // beside float32
  // Fills in a GraphOp's activation and details. `elements` is set.
  Status (*read)(const NodeView& node, GraphOp* op);
};

// Null for an operator that the delegate can run in no form.
const BuiltinOp* FindBuiltinOp(int code);

// The places of the node's inputs that are computed, or given, per inference. The node has a number
// of inputs that `builtin` allows.
std::vector<int> ActivationInputs(const BuiltinOp& builtin, const NodeView& node);

// Reads a node and checks its tensors, parameters and constants. Where the
// delegate cannot run it, the error says what was found.
Status ReadBuiltinOp(const BuiltinOp& builtin, const NodeView& node, GraphOp* op);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_BUILTIN_OPS_H_
