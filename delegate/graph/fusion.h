// Elementwise ops that become part of others.
#ifndef UBP_DELEGATE_GRAPH_FUSION_H_
#define UBP_DELEGATE_GRAPH_FUSION_H_

#include <optional>

#include "delegate/cpu/elementwise.h"
#include "delegate/graph/graph.h"
#include "delegate/graph/layout.h"

namespace ubp {

// What ADD, SUB or MUL with a constant operand computes; nothing for other ops.
std::optional<ChannelScale> ScaleOf(const GraphOp& op);

// Where an op alone reads a tensor inside the graph, it may become part of the op that writes it:
//
//   - RELU, RELU6 or RELU_N1_TO_1, of an op without an activation: its activation
//   - ADD, SUB or MUL with a constant, of another such op without an activation: one scale and
//     offset for both
//   - LOG of EXP plus one: softplus, one op
//   - MUL of a tensor with the LOGISTIC of that tensor: swish, one op; with TANH of its softplus:
//     mish, one op
//
// Reads and changes `ops`; nothing has a form yet.
void FuseElementwise(GraphLayout* layout);

// Likewise a function of one tensor that is no clamp, of an op with weights or a window: it is
// applied while what that op has computed is in the cache. After residuals have been absorbed, which
// come before the function.
void FuseFunctions(GraphLayout* layout);

// Whether the op has an activation fused, or can have one.
bool HasActivation(OpType type);

// Whether a function of one tensor can be fused with the op.
bool CanHaveFunction(OpType type);

// What an elementwise op of one tensor computes, but for its activation; nothing for other ops.
std::optional<UnaryFunction> FunctionOf(const GraphOp& op);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_FUSION_H_
