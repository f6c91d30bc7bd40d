#include "delegate/graph/partition.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "delegate/graph/claim.h"
#include "delegate/graph/node_view.h"

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

// What taking the whole of a stretch changes, beside taking its block-sparse layers alone. In the
// time of one multiply-add of XNNPACK's dense convolution; measured on x86-64 with AVX-512.
struct Balance {
  double saved = 0.0;   // activations of block-sparse layers are no longer transposed
  double lost = 0.0;    // dense convolutions are slower in blocks
  bool sparse = false;  // the stretch has a block-sparse layer

  bool pays() const { return sparse && saved >= lost; }
};
constexpr double kTransposedValue = 10.0;
constexpr double kDenseLoss = 0.45;

double Elements(const TfLiteTensor& tensor) {
  double elements = 1.0;
  for (int i = 0; i < tensor.dims->size; ++i) elements *= tensor.dims->data[i];
  return elements;
}

void AddToBalance(const NodeView& node, const ClaimResult& claim, Balance* balance) {
  const TfLiteTensor* const input = node.Input(0);
  const TfLiteTensor* const output = node.Output();
  balance->sparse = balance->sparse || claim.sparse;
  if (input == nullptr || output == nullptr) return;  // a block-sparse op that import will refuse
  if (claim.sparse) {
    balance->saved += kTransposedValue * (Elements(*input) + Elements(*output));
  } else if (claim.type == OpType::kConv2D) {
    const TfLiteIntArray& dims = *output->dims;
    const bool is_vector = dims.data[1] * dims.data[2] == 1;  // not run in blocks
    const double pixels = Elements(*output) / std::max(1, dims.data[3]);
    if (!is_vector) balance->lost += kDenseLoss * pixels * Elements(*node.Input(1));
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
  std::vector<Balance> balances(nodes.size());  // of the stretch that a node stands for
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!claims[i].type) continue;
    AddToBalance(NodeView(*context, *nodes[i]), claims[i], &balances[stretches.Of(i)]);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!claims[i].type) continue;
    NodeDecision& decision = (*decisions)[i];
    const Balance& balance = balances[stretches.Of(i)];
    decision.taken =
        take == Take::kAll || claims[i].sparse || (take == Take::kAuto && balance.pays());
    if (decision.taken) continue;
    decision.reason = balance.sparse ? "the dense layers around would lose more than the "
                                       "block-sparse layers near would gain."
                                     : "no block-sparse layer is near.";
  }
  return kTfLiteOk;
}

}  // namespace ubp
