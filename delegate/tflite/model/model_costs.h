// SPDX-License-Identifier: Apache-2.0
// The graph of costs of a model.
#ifndef UBP_DELEGATE_TFLITE_MODEL_MODEL_COSTS_H_
#define UBP_DELEGATE_TFLITE_MODEL_MODEL_COSTS_H_

#include <vector>

#include "delegate/backend/cost_graph.h"
#include "delegate/backend/cost_model.h"
#include "delegate/tflite/model/claim.h"
#include "delegate/tflite/model/open_sizes.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// A node of the model, in the order of execution, and what Claim() says about it.
struct ClaimedNode {
  const TfLiteNode* node = nullptr;
  const ClaimResult* claim = nullptr;
  // Taken along with another node if at all, and not in the graph: SHAPE and the like (shape_nodes.h), parts
  // of layer normalisations.
  bool follows = false;
};

// One node for each of `nodes`, whose tensors have these sizes, as a backend's `costs` have it.
CostGraph MakeCostGraph(const TfLiteContext& context, const std::vector<ClaimedNode>& nodes,
                        const OpenSizes& sizes, const CostModel& costs);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_MODEL_COSTS_H_
