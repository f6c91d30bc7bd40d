// TFLite's builtin operators that the delegate can run: in which forms, and how
// a node of each is read.
#ifndef UBP_DELEGATE_GRAPH_BUILTIN_OPS_H_
#define UBP_DELEGATE_GRAPH_BUILTIN_OPS_H_

#include <cstddef>

#include "delegate/common/status.h"
#include "delegate/graph/graph.h"
#include "delegate/graph/node_view.h"

namespace ubp {

struct BuiltinOp {
  int code;          // TfLiteBuiltinOperator
  const char* name;  // as in TFLite's schema
  OpType type;
  int activations;    // the node's first inputs; those after them are constants
  size_t input_rank;  // of the activations; 0: any
  int min_inputs;
  int max_inputs;
  // Fills in a GraphOp but for its label, type, inputs and output.
  Status (*read)(const NodeView& node, GraphOp* op);
};

// Null for an operator that the delegate can run in no form.
const BuiltinOp* FindBuiltinOp(int code);

// Reads a node and checks its tensors, parameters and constants. Where the
// delegate cannot run it, the error says what was found.
Status ReadBuiltinOp(const BuiltinOp& builtin, const NodeView& node, GraphOp* op);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_BUILTIN_OPS_H_
