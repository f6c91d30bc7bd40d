// From TFLite's structs to a Graph: the only code beside the delegate shell that knows them.
#ifndef UBP_DELEGATE_GRAPH_IMPORT_H_
#define UBP_DELEGATE_GRAPH_IMPORT_H_

#include "delegate/common/status.h"
#include "delegate/graph/graph.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Reads and checks the nodes of one part of the model; everything a model file can get wrong is
// found here. The graph refers to constant tensors of the model, which the interpreter keeps.
Status ImportGraph(TfLiteContext* context, const TfLiteDelegateParams& params, Graph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_IMPORT_H_
