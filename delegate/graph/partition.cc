#include "delegate/graph/partition.h"

#include <map>
#include <numeric>

#include "delegate/graph/claim.h"

namespace ubp {
namespace {

// Sets of nodes that are joined by tensors (union-find).
class Stretches {
 public:
  explicit Stretches(size_t nodes) : parent_(nodes) {
    std::iota(parent_.begin(), parent_.end(), size_t{0});
  }

  size_t Of(size_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }
  void Join(size_t a, size_t b) { parent_[Of(a)] = Of(b); }

 private:
  std::vector<size_t> parent_;
};

// Joins each node that can be taken with those whose outputs it reads.
void JoinByTensors(const std::vector<TfLiteNode*>& nodes, const std::vector<ClaimResult>& claims,
                   Stretches* stretches) {
  std::map<int, size_t> producer;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!claims[i].type) continue;
    for (int k = 0; k < nodes[i]->inputs->size; ++k) {
      const auto found = producer.find(nodes[i]->inputs->data[k]);
      if (found != producer.end()) stretches->Join(i, found->second);
    }
    for (int k = 0; k < nodes[i]->outputs->size; ++k) producer[nodes[i]->outputs->data[k]] = i;
  }
}

}  // namespace

TfLiteStatus DecideNodes(TfLiteContext* context, Take take, std::vector<NodeDecision>* decisions) {
  TfLiteIntArray* plan = nullptr;
  TF_LITE_ENSURE_STATUS(context->GetExecutionPlan(context, &plan));
  std::vector<TfLiteNode*> nodes;
  std::vector<ClaimResult> claims;
  decisions->clear();
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    TF_LITE_ENSURE_STATUS(
        context->GetNodeAndRegistration(context, plan->data[i], &node, &registration));
    nodes.push_back(node);
    claims.push_back(Claim(*context, *node, *registration));
    decisions->push_back({plan->data[i], false, claims.back().label, claims.back().reason});
  }
  Stretches stretches(nodes.size());
  JoinByTensors(nodes, claims, &stretches);
  std::vector<bool> has_sparse(nodes.size(), false);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (claims[i].sparse) has_sparse[stretches.Of(i)] = true;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!claims[i].type) continue;
    NodeDecision& decision = (*decisions)[i];
    decision.taken = take == Take::kAll || claims[i].sparse ||
                     (take == Take::kAuto && has_sparse[stretches.Of(i)]);
    if (!decision.taken) decision.reason = "no block-sparse layer is near.";
  }
  return kTfLiteOk;
}

}  // namespace ubp
