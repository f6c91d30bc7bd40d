// SPDX-License-Identifier: Apache-2.0
// The costs of a choice of nodes as a minimum cut.
#ifndef UBP_DELEGATE_BACKEND_NODE_CUT_H_
#define UBP_DELEGATE_BACKEND_NODE_CUT_H_

#include <set>
#include <utility>

#include "delegate/backend/cost_graph.h"

namespace ubp {

// A tensor and a node that reads it.
using Reading = std::pair<int, int>;

// The cheapest choice by what a cut can express of CostOf(). `divided`: readings in a later part than
// the writer's, whoever runs the two.
Choice CutNodes(const CostGraph& graph, const std::set<Reading>& divided);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_NODE_CUT_H_
