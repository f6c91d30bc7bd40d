// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/cheapest_choice.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <utility>

#include "delegate/backend/min_cut.h"

namespace ubp {
namespace {

// A tensor and a node that reads it.
using Reading = std::pair<int, int>;

// How nodes depend on each other.
class Dependencies {
 public:
  explicit Dependencies(const CostGraph& graph) : writers_(WritersOf(graph)) {
    for (const CostNode& node : graph.nodes) {
      sources_.emplace_back();
      for (const int t : node.inputs) {
        if (writers_[t] >= 0) sources_.back().push_back(writers_[t]);
      }
    }
  }

  int writer(int tensor) const { return writers_[tensor]; }

  // Whether `last` depends on `first` by way of a node of `through`.
  bool Depends(int first, int last, const Choice& through) const {
    std::vector<bool> reached(last - first + 1, false);
    std::vector<bool> passed(last - first + 1, false);
    reached[0] = true;
    for (int i = first + 1; i <= last; ++i) {
      for (const int source : sources_[i]) {
        if (source < first || !reached[source - first]) continue;
        reached[i - first] = true;
        if (passed[source - first] || (source != first && through[source])) {
          passed[i - first] = true;
        }
      }
    }
    return passed[last - first];
  }

  // All nodes that depend on `first` and that `last` depends on.
  std::vector<int> Between(int first, int last) const {
    std::vector<bool> before(last - first + 1, false);  // `last` depends on it
    before[last - first] = true;
    for (int i = last; i > first; --i) {
      if (!before[i - first]) continue;
      for (const int source : sources_[i]) {
        if (source >= first) before[source - first] = true;
      }
    }
    std::vector<bool> after(last - first + 1, false);  // it depends on `first`
    after[0] = true;
    std::vector<int> found;
    for (int i = first + 1; i < last; ++i) {
      for (const int source : sources_[i]) {
        if (source >= first && after[source - first]) after[i - first] = true;
      }
      if (after[i - first] && before[i - first]) found.push_back(i);
    }
    return found;
  }

 private:
  std::vector<int> writers_;
  std::vector<std::vector<int>> sources_;  // of each node's inputs
};

// The costs as a cut: things are the nodes, the first side is the delegate.
class NodeCut {
 public:
  // `divided`: readings in a later part than the writer's, whoever runs the two.
  NodeCut(const CostGraph& graph, const std::set<Reading>& divided)
      : graph_(graph), divided_(divided), cut_(static_cast<int>(graph.nodes.size())) {
    const std::vector<int> writers = WritersOf(graph);
    const std::vector<std::vector<int>> readers = ReadersOf(graph);
    for (size_t i = 0; i < graph.nodes.size(); ++i) AddNode(static_cast<int>(i));
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      const int writer = writers[t];
      const bool is_image = writer < 0 || graph.nodes[writer].layouts == Layouts::kReduces ||
                            graph.nodes[writer].layouts == Layouts::kNhwc;
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
      return graph_.nodes[reader].layouts == Layouts::kNhwc || IsDivided(t, reader);
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
      } else if (node.layouts != Layouts::kNhwc) {
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

class Chooser {
 public:
  explicit Chooser(const CostGraph& graph)
      : graph_(graph), stretches_(StretchesOf(graph)), dependencies_(graph) {
    const int stretches =
        1 + std::accumulate(stretches_.begin(), stretches_.end(), -1,
                            [](int most, int stretch) { return std::max(most, stretch); });
    std::vector<bool> sparse(stretches, false);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const CostNode& node = graph_.nodes[i];
      if (node.has_blocks || node.must_take) sparse[stretches_[i]] = true;
    }
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (stretches_[i] >= 0 && !sparse[stretches_[i]]) graph_.nodes[i].can_take = false;
    }
    for (int s = 0; s < stretches; ++s) {
      if (sparse[s]) considered_.push_back(s);
    }
  }

  Choice Choose() const {
    Choice best = LeastChoice(graph_);
    if (considered_.empty()) return best;
    const std::vector<Choice> candidates = Candidates();
    double cost = CostOf(graph_, best);
    const auto consider = [&](Choice choice) {
      if (choice == best) return;
      const double other = CostOf(graph_, choice);
      if (other >= cost) return;
      cost = other;
      best = std::move(choice);
    };
    for (const Choice& candidate : candidates) consider(candidate);
    for (const int stretch : considered_) {
      for (const Choice& candidate : candidates) consider(With(best, stretch, candidate));
    }
    for (int round = 0; round < kMostRounds; ++round) {
      const double before = cost;
      for (const int i : AtBoundaries(best)) consider(Flipped(best, i));
      if (cost == before) break;
    }
    return best;
  }

 private:
  // Of looks at all nodes at boundaries; nearly always the second finds nothing.
  static constexpr int kMostRounds = 4;

  // Nodes that may be on either side and are next to one that is on the other.
  std::vector<int> AtBoundaries(const Choice& choice) const {
    std::vector<bool> next(choice.size(), false);
    for (size_t i = 0; i < choice.size(); ++i) {
      for (const int t : graph_.nodes[i].inputs) {
        const int writer = dependencies_.writer(t);
        if (writer < 0 || choice[writer] == choice[i]) continue;
        next[i] = next[writer] = true;
      }
    }
    std::vector<int> found;
    for (size_t i = 0; i < choice.size(); ++i) {
      const CostNode& node = graph_.nodes[i];
      if (next[i] && node.can_take && !node.must_take) found.push_back(static_cast<int>(i));
    }
    return found;
  }

  static Choice Flipped(Choice choice, int node) {
    choice[node] = !choice[node];
    return choice;
  }

  // Choices of the whole graph, of which every stretch can have another.
  std::vector<Choice> Candidates() const {
    std::vector<Choice> candidates = {LeastChoice(graph_), SparseChoice(graph_),
                                      FullChoice(graph_)};
    // Whether a convolution makes planes of an image depends on three nodes, which a cut cannot
    // express: where it reads an image it does, or does not.
    CostGraph with = graph_;
    for (CostNode& node : with.nodes) node.from_image += node.image_to_planes;
    for (const CostGraph* graph : {&graph_, static_cast<const CostGraph*>(&with)}) {
      const Choice first = Cut(*graph, FullChoice(*graph));
      candidates.push_back(first);
      candidates.push_back(Cut(*graph, first));
      candidates.push_back(Cut(WithHolesTaken(*graph, first), FullChoice(*graph)));
    }
    return candidates;
  }

  // The cheapest if whatever waits for a node that is not in `taken` runs in a later part.
  Choice Cut(const CostGraph& graph, const Choice& taken) const {
    Choice left = taken;
    left.flip();
    std::set<Reading> divided;
    ForReadings([&](int tensor, int writer, int reader) {
      if (dependencies_.Depends(writer, reader, left)) divided.insert({tensor, reader});
    });
    return NodeCut(graph, divided).Solve();
  }

  // With what lies between two nodes, of which one reads what the other writes and both of which
  // are taken, taken in any case, so that the two are in one part.
  CostGraph WithHolesTaken(CostGraph graph, const Choice& taken) const {
    ForReadings([&](int, int writer, int reader) {
      if (!taken[writer] || !taken[reader]) return;
      const std::vector<int> between = dependencies_.Between(writer, reader);
      const auto can_take = [&](int i) { return graph_.nodes[i].can_take; };
      if (!std::all_of(between.begin(), between.end(), can_take)) return;
      for (const int i : between) graph.nodes[i].must_take = true;
    });
    return graph;
  }

  // Calls `visit`(tensor, writer, reader) for all tensors from one node to another that can both be
  // taken.
  template <typename Visit>
  void ForReadings(const Visit& visit) const {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!graph_.nodes[i].can_take) continue;
      for (const int t : graph_.nodes[i].inputs) {
        const int writer = dependencies_.writer(t);
        if (writer >= 0 && graph_.nodes[writer].can_take) visit(t, writer, static_cast<int>(i));
      }
    }
  }

  Choice With(Choice choice, int stretch, const Choice& other) const {
    for (size_t i = 0; i < choice.size(); ++i) {
      if (stretches_[i] == stretch) choice[i] = other[i];
    }
    return choice;
  }

  CostGraph graph_;  // where what is not considered cannot be taken
  std::vector<int> stretches_;
  Dependencies dependencies_;
  std::vector<int> considered_;
};

template <typename Rule>
Choice ChoiceBy(const CostGraph& graph, const Rule& rule) {
  Choice choice;
  for (const CostNode& node : graph.nodes) choice.push_back(node.can_take && rule(node));
  return choice;
}

}  // namespace

std::vector<int> StretchesOf(const CostGraph& graph) {
  std::vector<int> parent(graph.nodes.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root_of = [&](int node) {
    while (parent[node] != node) node = parent[node] = parent[parent[node]];
    return node;
  };
  const std::vector<int> writers = WritersOf(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].can_take) continue;
    for (const int t : graph.nodes[i].inputs) {
      if (writers[t] < 0 || !graph.nodes[writers[t]].can_take) continue;
      parent[root_of(static_cast<int>(i))] = root_of(writers[t]);
    }
  }
  std::vector<int> stretches(graph.nodes.size(), -1);
  int count = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].can_take) continue;
    int& of_root = stretches[root_of(static_cast<int>(i))];
    if (of_root < 0) of_root = count++;
    stretches[i] = of_root;
  }
  return stretches;
}

Choice LeastChoice(const CostGraph& graph) {
  return ChoiceBy(graph, [](const CostNode& node) { return node.must_take; });
}

Choice SparseChoice(const CostGraph& graph) {
  return ChoiceBy(graph, [](const CostNode& node) { return node.must_take || node.sparse; });
}

Choice FullChoice(const CostGraph& graph) {
  return ChoiceBy(graph, [](const CostNode&) { return true; });
}

Choice CheapestChoice(const CostGraph& graph) { return Chooser(graph).Choose(); }

}  // namespace ubp
