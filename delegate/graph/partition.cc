#include "delegate/graph/partition.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "delegate/graph/node_view.h"
#include "delegate/graph/shape_nodes.h"

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
void JoinByTensors(const std::vector<TfLiteNode*>& nodes,
                   const std::vector<NodeDecision>& decisions, Stretches* stretches) {
  std::map<int, size_t> producer;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!decisions[i].claim.type) continue;
    for (int k = 0; k < nodes[i]->inputs->size; ++k) {
      const auto found = producer.find(nodes[i]->inputs->data[k]);
      if (found != producer.end()) stretches->Join(i, found->second);
    }
    for (int k = 0; k < nodes[i]->outputs->size; ++k) producer[nodes[i]->outputs->data[k]] = i;
  }
}

// What taking the whole of a stretch changes, beside taking its block-sparse layers alone. In the
// time of one multiply-add of XNNPACK's dense convolution; measured on x86-64 with AVX-512.
struct Balance {
  double saved = 0.0;   // activations of block-sparse layers are no longer transposed
  double lost = 0.0;    // dense convolutions are slower in blocks
  bool sparse = false;  // the stretch has a block-sparse layer

  bool pays() const { return sparse && saved >= lost; }
};
constexpr double kDenseLoss = 0.15;

void AddToBalance(const NodeView& node, const ClaimResult& claim, Balance* balance) {
  const TfLiteTensor* const input = node.Input(0);
  const TfLiteTensor* const output = node.Output();
  balance->sparse = balance->sparse || claim.sparse();
  if (input == nullptr || output == nullptr) return;  // a block-sparse op that import will refuse
  if (claim.sparse()) {
    balance->saved += kTransposeCost * (Elements(*input) + Elements(*output));
  } else if (claim.type == OpType::kConv2D) {
    const double pixels = Pixels(*output);
    const bool is_vector = pixels <= input->dims->data[0];  // not run in blocks
    if (!is_vector) balance->lost += kDenseLoss * pixels * Elements(*node.Input(1));
  }
}

TfLiteStatus ClaimNodes(TfLiteContext* context, const ClaimOptions& options,
                        std::vector<TfLiteNode*>* nodes, std::vector<NodeDecision>* decisions) {
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

// Why a node is left that could be taken.
std::string ReasonToLeave(const ClaimResult& claim, const Balance& balance) {
  const std::string zeros = claim.choice.block_size > 0 ? Describe(claim.choice) + "; " : "";
  return zeros + (balance.sparse ? "the dense layers around would lose more than the block-sparse "
                                   "layers near would gain."
                                 : "no block-sparse layer is near.");
}

}  // namespace

TfLiteStatus DecideNodes(TfLiteContext* context, Take take, const ClaimOptions& options,
                         std::vector<NodeDecision>* decisions) {
  std::vector<TfLiteNode*> nodes;
  decisions->clear();
  TF_LITE_ENSURE_STATUS(ClaimNodes(context, options, &nodes, decisions));
  ReadComputedShapes(*context, nodes, decisions);
  Stretches stretches(nodes.size());
  JoinByTensors(nodes, *decisions, &stretches);
  std::vector<Balance> balances(nodes.size());  // of the stretch that a node stands for
  for (size_t i = 0; i < nodes.size(); ++i) {
    const ClaimResult& claim = (*decisions)[i].claim;
    if (!claim.type) continue;
    AddToBalance(NodeView(*context, *nodes[i]), claim, &balances[stretches.Of(i)]);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    NodeDecision& decision = (*decisions)[i];
    const ClaimResult& claim = decision.claim;
    if (!claim.type) {
      decision.reason = claim.reason;
      continue;
    }
    const Balance& balance = balances[stretches.Of(i)];
    decision.taken =
        take == Take::kAll || claim.sparse() || (take == Take::kAuto && balance.pays());
    if (!decision.taken) decision.reason = ReasonToLeave(claim, balance);
  }
  TakeShapeNodes(*context, nodes, decisions);
  return kTfLiteOk;
}

}  // namespace ubp
