// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/summary.h"

#include <cstddef>
#include <utility>

namespace ubp {
namespace {

// The same for layers that are left for one reason, whatever the numbers in it.
std::string KindOf(const ClaimResult& claim) {
  if (claim.sparse()) return "layout";
  if (claim.type()) return claim.choice.block_size > 0 ? "gain" : "zeros";
  std::string kind = "form ";
  for (const char c : claim.reason) {
    if (c < '0' || c > '9') kind += c;
  }
  return kind;
}

struct Group {
  std::string kind;
  const NodeDecision* first;
  size_t layers;
};

std::vector<Group> GroupByReason(const std::vector<NodeDecision>& decisions) {
  std::vector<Group> groups;
  for (const NodeDecision& decision : decisions) {
    if (!decision.claim.layer_op) continue;
    std::string kind = KindOf(decision.claim);
    size_t g = 0;
    while (g < groups.size() && groups[g].kind != kind) ++g;
    if (g == groups.size()) groups.push_back({std::move(kind), &decision, 0});
    ++groups[g].layers;
  }
  return groups;
}

}  // namespace

std::string WhyLayersAreLeft(const std::vector<NodeDecision>& decisions, bool sparse_from_dense) {
  const std::vector<Group> groups = GroupByReason(decisions);
  size_t layers = 0;
  const Group* most = &groups.front();
  for (const Group& group : groups) {
    layers += group.layers;
    if (group.layers > most->layers) most = &group;
  }
  const std::string share = std::to_string(most->layers) + " of its " + std::to_string(layers) +
                            (layers == 1 ? " layer" : " layers");
  const ClaimResult& claim = most->first->claim;
  if (!claim.type()) {
    return share + " cannot be taken in this form; the first is " + claim.label() + ": " +
           claim.reason;
  }
  if (!sparse_from_dense) {
    return share +
           " are not converted, which sparse_from_dense=off asks for; convert a pruned "
           "model with 'ubp convert'.";
  }
  if (claim.sparse()) {
    return share +
           " would gain less from their zeros than the changes of layout around them cost; "
           "take=sparse takes them in any case.";
  }
  if (claim.choice.block_size == 0) {
    return share + " have too few zeros to gain from them; prune the model first.";
  }
  return share + " would gain too little from their zeros; the first is " + claim.label() + ": " +
         Describe(claim.choice) + "; prune more of them, in blocks.";
}

}  // namespace ubp
