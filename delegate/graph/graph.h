// The part of a model that the delegate runs, free of TFLite: operators on tensors, in the order of
// execution.
#ifndef UBP_DELEGATE_GRAPH_GRAPH_H_
#define UBP_DELEGATE_GRAPH_GRAPH_H_

#include <string>
#include <vector>

#include "delegate/format/packed_layer.h"

namespace ubp {

using Dims = std::vector<int>;

// Where a tensor's memory comes from.
enum class Storage {
  kInput,    // the interpreter's, read
  kOutput,   // the interpreter's, written
  kInternal  // the plan's arena: neither enters nor leaves the part
};

struct GraphTensor {
  Storage storage = Storage::kInternal;
  int model_index = -1;  // of the tensor in the model
};

// A block-sparse layer: float32 in and out, NHWC for a convolution.
struct GraphOp {
  std::string label;  // op and layer, for messages
  PackedLayer layer;
  int input = -1;  // index into Graph::tensors
  int output = -1;
};

struct Graph {
  std::vector<GraphTensor> tensors;
  std::vector<GraphOp> ops;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_GRAPH_H_
