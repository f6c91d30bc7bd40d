// SPDX-License-Identifier: Apache-2.0
// Which nodes to take so that an inference costs least.
#ifndef UBP_DELEGATE_BACKEND_CHEAPEST_CHOICE_H_
#define UBP_DELEGATE_BACKEND_CHEAPEST_CHOICE_H_

#include <vector>

#include "delegate/backend/cost_graph.h"

namespace ubp {

// The stretch that each node which can be taken belongs to, by number: such nodes joined by tensors
// are one stretch. -1 for other nodes.
std::vector<int> StretchesOf(const CostGraph& graph);

// Of what can be taken: what must be; the layers that are worth it by themselves, too; all.
Choice LeastChoice(const CostGraph& graph);
Choice SparseChoice(const CostGraph& graph);
Choice FullChoice(const CostGraph& graph);

// Of every stretch with a layer that leaves out zeros the nodes with which CostOf() is least, as far
// as they are found: no more than with any of the three choices above, stretch by stretch; nothing
// of other stretches.
//
// But for calls of parts, and tensors that must leave a part although the delegate alone reads
// them, since another of its inputs waits for the other side, a choice's cost is a sum over nodes
// and over tensors with their readers, for which a minimum cut is exact. Cuts that count these in
// several ways compete with each other by CostOf(), and then single nodes change sides as long as
// that is cheaper.
Choice CheapestChoice(const CostGraph& graph);

// The same, but none of it where it is not `clear_gain` times as fast as the least choice, nor where
// it is not that much faster than the better of the other two of the three above, in the same
// stretches: that one then. The cheapest of many choices is more likely than these to be one whose
// cost is predicted too low.
Choice ClearlyCheapestChoice(const CostGraph& graph, double clear_gain);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_CHEAPEST_CHOICE_H_
