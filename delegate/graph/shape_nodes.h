// Nodes that compute nothing but the shape of a RESHAPE.
//
// For a Reshape layer in a model whose batch is open the converter writes
//
//   RESHAPE(x, PACK(STRIDED_SLICE(SHAPE(x), ...), constants))
//
// The delegate knows the shape that its RESHAPE has anyway, so there is nothing to compute in these
// nodes. Left to the interpreter they would cut the stretch in two, because the second part would
// have to wait for them.
#ifndef UBP_DELEGATE_GRAPH_SHAPE_NODES_H_
#define UBP_DELEGATE_GRAPH_SHAPE_NODES_H_

#include <vector>

#include "delegate/graph/partition.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Takes the nodes above along with every RESHAPE that is taken, if no other node reads what they
// compute. The interpreter puts them in one part with their RESHAPE: they depend on nothing else.
// `nodes[i]` is what `decisions[i]` is about.
void TakeShapeNodes(const TfLiteContext& context, const std::vector<TfLiteNode*>& nodes,
                    std::vector<NodeDecision>* decisions);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_SHAPE_NODES_H_
