// SPDX-License-Identifier: Apache-2.0
// Which nodes of a model the delegate takes, and why it leaves the others.
#ifndef UBP_DELEGATE_TFLITE_MODEL_PARTITION_H_
#define UBP_DELEGATE_TFLITE_MODEL_PARTITION_H_

#include <string>
#include <vector>

#include "delegate/tflite/model/claim.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// A block-sparse layer is one that Claim() calls sparse: converted, or dense with enough zeros.
enum class Take {
  // Of every stretch of nodes that can be taken and holds a block-sparse layer what is predicted to
  // make an inference fastest (cheapest_choice.h): all, block-sparse layers only, or something in
  // between; of layers that are not converted also none.
  kAuto,
  kSparse,  // block-sparse layers only
  kAll      // everything that can be taken
};

struct NodeDecision {
  int node = -1;  // index in the model
  bool taken = false;
  ClaimResult claim;
  std::string reason;  // a sentence, where the node is left
};

// One decision for each node of the execution plan, in its order.
TfLiteStatus DecideNodes(TfLiteContext* context, Take take, const ClaimOptions& options,
                         std::vector<NodeDecision>* decisions);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_PARTITION_H_
