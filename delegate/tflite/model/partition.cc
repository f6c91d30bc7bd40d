// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/partition.h"

#include <cstddef>
#include <set>

#include "delegate/backend/cheapest_choice.h"
#include "delegate/tflite/model/layer_norm_nodes.h"
#include "delegate/tflite/model/model_costs.h"
#include "delegate/tflite/model/open_sizes.h"
#include "delegate/tflite/model/shape_nodes.h"
#include "delegate/tflite/model/shared_memory.h"

namespace ubp {
namespace {

TfLiteStatus ClaimNodes(TfLiteContext* context, const ClaimOptions& options,
                        std::vector<TfLiteNode*>* nodes, std::vector<NodeDecision>* decisions) {
  decisions->clear();
  TfLiteIntArray* plan = nullptr;
  TF_LITE_ENSURE_STATUS(context->GetExecutionPlan(context, &plan));
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    TF_LITE_ENSURE_STATUS(
        context->GetNodeAndRegistration(context, plan->data[i], &node, &registration));
    nodes->push_back(node);
    decisions->push_back(
        {plan->data[i], false, Claim(*context, *node, *registration, options), ""});
  }
  return kTfLiteOk;
}

CostGraph CostGraphOf(const TfLiteContext& context, const std::vector<TfLiteNode*>& nodes,
                      const std::vector<NodeDecision>& decisions,
                      const std::vector<std::vector<size_t>>& followers, const OpenSizes& sizes,
                      const CostModel& costs) {
  std::vector<ClaimedNode> claimed(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    claimed[i].node = nodes[i];
    claimed[i].claim = &decisions[i].claim;
    for (const size_t node : followers[i]) claimed[node].follows = true;
  }
  return MakeCostGraph(context, claimed, sizes, costs);
}

// Predictions are wrong by some percent.
constexpr double kClearGain = 1.08;

Choice ChoiceOf(const CostGraph& graph, Take take) {
  switch (take) {
    case Take::kAuto:
      return ClearlyCheapestChoice(graph, kClearGain);
    case Take::kSparse:
      return SparseChoice(graph);
    case Take::kAll:
      break;
  }
  return FullChoice(graph);
}

// Why a node is left that could be taken. `near`: a layer that leaves out zeros is in its stretch.
std::string ReasonToLeave(const ClaimResult& claim, Take take, bool near) {
  if (claim.sparse()) {
    return Describe(claim.choice) +
           "; but the changes of layout around it are predicted to cost more than it gains.";
  }
  const std::string zeros = claim.choice.block_size > 0 ? Describe(claim.choice) + "; " : "";
  if (!near) return zeros + "no block-sparse layer is near.";
  if (take == Take::kSparse) return zeros + "take=sparse takes block-sparse layers only.";
  return zeros + "it is predicted to run faster in XNNPACK, changes of layout around it included.";
}

// For each node those that are taken along with it: they compute something for it alone. The interpreter
// puts them in one part with it: they depend on nothing else.
std::vector<std::vector<size_t>> FindFollowers(TfLiteContext* context,
                                               const std::vector<TfLiteNode*>& nodes,
                                               const Backend& backend,
                                               std::vector<NodeDecision>* decisions) {
  const std::vector<std::vector<size_t>> parts = FindLayerNorms(context, nodes, backend, decisions);
  ReadComputedShapes(*context, nodes, decisions);
  std::vector<std::vector<size_t>> followers = FindShapeNodes(*context, nodes, *decisions);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!parts[i].empty()) followers[i] = parts[i];
  }
  return followers;
}

void TakeFollowers(const std::vector<std::vector<size_t>>& followers,
                   std::vector<NodeDecision>* decisions) {
  for (size_t i = 0; i < decisions->size(); ++i) {
    if (!(*decisions)[i].taken) continue;
    for (const size_t node : followers[i]) {
      (*decisions)[node].taken = true;
      (*decisions)[node].reason.clear();
    }
  }
}

}  // namespace

TfLiteStatus DecideNodes(TfLiteContext* context, Take take, const ClaimOptions& options,
                         std::vector<NodeDecision>* decisions) {
  std::vector<TfLiteNode*> nodes;
  OpenSizes sizes(*context);
  ClaimOptions claim_options = options;
  claim_options.sizes = &sizes;
  TF_LITE_ENSURE_STATUS(ClaimNodes(context, claim_options, &nodes, decisions));
  const std::vector<std::vector<size_t>> followers =
      FindFollowers(context, nodes, *options.backend, decisions);
  const CostGraph graph =
      CostGraphOf(*context, nodes, *decisions, followers, sizes, options.backend->costs());
  const Choice choice = ChoiceOf(graph, take);
  const std::vector<int> stretches = StretchesOf(graph);
  std::set<int> sparse;  // stretches with a layer that leaves out zeros
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (graph.nodes[i].has_blocks) sparse.insert(stretches[i]);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    NodeDecision& decision = (*decisions)[i];
    decision.taken = choice[i];
    if (decision.taken) continue;
    decision.reason = decision.claim.type()
                          ? ReasonToLeave(decision.claim, take, sparse.count(stretches[i]) > 0)
                          : decision.claim.reason;
  }
  TakeFollowers(followers, decisions);
  LeaveWhatIsOverwritten(nodes, decisions);
  return kTfLiteOk;
}

}  // namespace ubp
