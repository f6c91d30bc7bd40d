// SPDX-License-Identifier: Apache-2.0
// From TFLite's structs to a Graph. Beside the delegate shell only import and
// claim (with the operators they share) know those structs.
#ifndef UBP_DELEGATE_TFLITE_MODEL_IMPORT_H_
#define UBP_DELEGATE_TFLITE_MODEL_IMPORT_H_

#include <map>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/tflite/model/claim.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

struct Claims {
  std::map<int, ClaimResult> nodes;  // what Claim() says, by the node's index in the model
  DecodedTensors decoded;            // that the nodes may read
};

// Reads and checks the nodes of one part of the model, all of which `claims`
// take; everything a model file can get wrong is found here. The graph refers to constant tensors
// of the model, which the interpreter keeps.
//
// In the graph, every tensor is written by one op at most, and before any op
// reads it.
Status ImportGraph(TfLiteContext* context, const TfLiteDelegateParams& params, const Claims& claims,
                   Graph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_IMPORT_H_
