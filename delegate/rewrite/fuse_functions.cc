// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/fuse_functions.h"

#include "delegate/rewrite/writers.h"

namespace ubp {

void FuseFunctions(ShapedGraph* graph) {
  Writers writers(graph);
  for (size_t i = 0; i < graph->ops.size();) {
    ShapedOp& op = graph->ops[i];
    const bool is_function =
        op.op->If<FunctionOp>() && !op.op->is_int8() && op.activation == Activation::kNone;
    ShapedOp* const writer = is_function ? writers.Sole(op.input) : nullptr;
    if (writer == nullptr || writer->function || !TakesFunction(*writer->op)) {
      ++i;
      continue;
    }
    writer->function = op.function;
    writers.Absorb(&op, writer);
  }
}

}  // namespace ubp
