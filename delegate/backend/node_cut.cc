// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/node_cut.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "delegate/backend/min_cut.h"

namespace ubp {
namespace {

// The costs as a cut: things are the nodes, the first side is the delegate.
class NodeCut {
 public:
  NodeCut(const CostGraph& graph, const std::set<Reading>& divided)
      : graph_(graph), divided_(divided), cut_(static_cast<int>(graph.nodes.size())) {
    const std::vector<int> writers = WritersOf(graph);
    const std::vector<std::vector<int>> readers = ReadersOf(graph);
    for (size_t i = 0; i < graph.nodes.size(); ++i) AddNode(static_cast<int>(i));
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      const int writer = writers[t];
      const bool is_image = writer < 0 || WritesImages(graph.nodes[writer].layouts);
      if (!is_image) AddLeaving(static_cast<int>(t), writer, readers[t]);
      AddEntering(static_cast<int>(t), is_image ? -1 : writer, readers[t]);
    }
  }

  Choice Solve() {
    Choice taken = cut_.Solve();
    taken.resize(graph_.nodes.size());
    return taken;
  }

 private:
  void AddNode(int i) {
    const CostNode& node = graph_.nodes[i];
    cut_.AddFirst(i, node.can_take ? node.taken : MinCut::kNever);
    cut_.AddSecond(i, node.must_take ? MinCut::kNever : node.left);
    if (node.host < 0) return;
    cut_.AddPair(i, node.host, node.taken_alone);
    cut_.AddPair(node.host, i, node.left_alone);
  }

  bool IsDivided(int tensor, int reader) const { return divided_.count({tensor, reader}) > 0; }

  // Written in planes, and somebody needs an image.
  void AddLeaving(int t, int writer, const std::vector<int>& readers) {
    const CostTensor& costs = graph_.tensors[t];
    const double cost = costs.to_image + graph_.part;
    const bool always = std::any_of(readers.begin(), readers.end(), [&](int reader) {
      return ReadsImages(graph_.nodes[reader].layouts) || IsDivided(t, reader);
    });
    if (always || costs.is_result) {
      cut_.AddFirst(writer, cost);
    } else {
      const int all_taken = cut_.AddThing();
      cut_.AddPair(writer, all_taken, cost);
      for (const int reader : readers) cut_.AddPair(all_taken, reader, MinCut::kNever);
    }
  }

  // An image that the delegate reads, as it is or in planes. `writer`: -1 for one that writes images
  // on either side.
  void AddEntering(int t, int writer, const std::vector<int>& readers) {
    std::vector<int> of_planes[2];  // among those of the writer's part, and divided from it
    for (const int reader : readers) {
      const CostNode& node = graph_.nodes[reader];
      const bool divided = IsDivided(t, reader);
      if (node.layouts == Layouts::kEither) {
        AddEntering(divided ? -1 : writer, {reader}, node.from_image + Entering());
      } else if (!ReadsImages(node.layouts)) {
        of_planes[divided].push_back(reader);
      }
    }
    const double cost = graph_.tensors[t].to_planes + Entering();
    AddEntering(writer, of_planes[0], cost);
    AddEntering(-1, of_planes[1], cost);
  }

  // Of a part of the delegate's.
  double Entering() const { return graph_.part + graph_.taken_part; }

  void AddEntering(int writer, const std::vector<int>& readers, double cost) {
    if (readers.empty()) return;
    const int any_taken = cut_.AddThing();
    for (const int reader : readers) cut_.AddPair(reader, any_taken, MinCut::kNever);
    if (writer >= 0) {
      cut_.AddPair(any_taken, writer, cost);
    } else {
      cut_.AddFirst(any_taken, cost);
    }
  }

  const CostGraph& graph_;
  const std::set<Reading>& divided_;
  MinCut cut_;
};

}  // namespace

Choice CutNodes(const CostGraph& graph, const std::set<Reading>& divided) {
  return NodeCut(graph, divided).Solve();
}

}  // namespace ubp
