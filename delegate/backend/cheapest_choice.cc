// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/cheapest_choice.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <set>
#include <utility>

#include "delegate/backend/node_cut.h"

namespace ubp {
namespace {

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

  Choice ChooseClearly(double clear_gain) const {
    const Choice sparse = SparseChoice(graph_);
    const Choice full = FullChoice(graph_);
    const Choice plain = CostOf(graph_, sparse) <= CostOf(graph_, full) ? sparse : full;
    const Choice best = Clearly(Choose(), plain, clear_gain);
    return Clearly(best, LeastChoice(graph_), clear_gain);
  }

 private:
  // `choice` if it is so many times as fast as `other`, or else that.
  Choice Clearly(const Choice& choice, const Choice& other, double gain) const {
    return CostOf(graph_, other) >= gain * CostOf(graph_, choice) ? choice : other;
  }

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
    return CutNodes(graph, divided);
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

Choice ClearlyCheapestChoice(const CostGraph& graph, double clear_gain) {
  return Chooser(graph).ChooseClearly(clear_gain);
}

}  // namespace ubp
