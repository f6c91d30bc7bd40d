// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/cost_graph.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <set>

namespace ubp {
namespace {

class Costs {
 public:
  Costs(const CostGraph& graph, const Choice& taken)
      : graph_(graph),
        taken_(taken),
        parts_(PartsOf(graph, taken)),
        writers_(WritersOf(graph)),
        readers_(ReadersOf(graph)),
        planes_(graph.tensors.size(), false) {}

  double Sum() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) AddNode(static_cast<int>(i));
    for (size_t t = 0; t < graph_.tensors.size(); ++t) AddTensor(static_cast<int>(t));
    std::set<int> taken_parts;
    int parts = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
      parts = std::max(parts, parts_[i] + 1);
      if (taken_[i]) taken_parts.insert(parts_[i]);
    }
    return sum_ + graph_.part * parts + graph_.taken_part * static_cast<double>(taken_parts.size());
  }

 private:
  void AddNode(int i) {
    const CostNode& node = graph_.nodes[i];
    const bool alone = node.host >= 0 && parts_[node.host] != parts_[i];
    sum_ += taken_[i] ? node.taken : node.left;
    if (alone) sum_ += taken_[i] ? node.taken_alone : node.left_alone;
    if (!taken_[i] || !WritesPlanes(i)) return;
    for (const int t : node.outputs) planes_[t] = true;
  }

  bool IsWrittenIn(int part, int tensor) const {
    return writers_[tensor] >= 0 && parts_[writers_[tensor]] == part;
  }

  // Of a taken node, those before it being known.
  bool WritesPlanes(int i) const {
    const CostNode& node = graph_.nodes[i];
    switch (node.layouts) {
      case Layouts::kEither:
      case Layouts::kPlanes:
      case Layouts::kSpreads:
        return true;
      case Layouts::kFollows:
        return std::any_of(node.inputs.begin(), node.inputs.end(),
                           [&](int t) { return planes_[t] && IsWrittenIn(parts_[i], t); });
      case Layouts::kReduces:
      case Layouts::kNhwc:
        return false;
    }
    return false;
  }

  // Whether a taken node reads planes only.
  bool NeedsPlanes(int i) const {
    switch (graph_.nodes[i].layouts) {
      case Layouts::kPlanes:
      case Layouts::kReduces:
        return true;
      case Layouts::kFollows:
        return WritesPlanes(i);
      case Layouts::kEither:
      case Layouts::kSpreads:
      case Layouts::kNhwc:
        return false;
    }
    return false;
  }

  // Whether the part of a taken node reads what it writes, those that become part of it left out.
  bool IsReadInPart(int i) const {
    std::vector<int> writers = {i};  // the node and those
    while (!writers.empty()) {
      const int writer = writers.back();
      writers.pop_back();
      for (const int t : graph_.nodes[writer].outputs) {
        for (const int reader : readers_[t]) {
          if (!taken_[reader] || parts_[reader] != parts_[i]) continue;
          if (graph_.nodes[reader].host != writer) return true;
          writers.push_back(reader);
        }
      }
    }
    return false;
  }

  void AddTensor(int t) {
    const int writer = writers_[t];
    const int part = writer >= 0 && taken_[writer] ? parts_[writer] : -1;
    bool needs_image = graph_.tensors[t].is_result;
    std::set<int> converting;  // parts that need planes of an image
    for (const int reader : readers_[t]) {
      const CostNode& node = graph_.nodes[reader];
      const bool inside = taken_[reader] && parts_[reader] == part;
      needs_image = needs_image || !inside || ReadsImages(node.layouts);
      if (!taken_[reader] || (inside && planes_[t])) continue;
      if (node.layouts == Layouts::kEither) {
        sum_ += node.from_image;
        if (IsReadInPart(reader)) sum_ += node.image_to_planes;
      }
      if (NeedsPlanes(reader)) converting.insert(parts_[reader]);
    }
    sum_ += graph_.tensors[t].to_planes * static_cast<double>(converting.size());
    if (part >= 0 && planes_[t] && needs_image) sum_ += graph_.tensors[t].to_image;
  }

  const CostGraph& graph_;
  const Choice& taken_;
  const std::vector<int> parts_;
  const std::vector<int> writers_;
  const std::vector<std::vector<int>> readers_;
  std::vector<bool> planes_;  // by tensor: written in planes
  double sum_ = 0.0;
};

}  // namespace

std::vector<int> PartsOf(const CostGraph& graph, const Choice& taken) {
  const std::vector<int> writers = WritersOf(graph);
  const std::vector<std::vector<int>> readers = ReadersOf(graph);
  const size_t nodes = graph.nodes.size();
  std::vector<int> waits_for(nodes, 0);  // inputs that are not there yet
  std::deque<int> ready[2];              // of nodes left, and of nodes taken
  for (size_t i = 0; i < nodes; ++i) {
    for (const int t : graph.nodes[i].inputs) waits_for[i] += writers[t] >= 0 ? 1 : 0;
    if (waits_for[i] == 0) ready[taken[i]].push_back(static_cast<int>(i));
  }
  std::vector<int> parts(nodes, -1);
  if (nodes == 0) return parts;
  bool turn = ready[0].empty() || (!ready[1].empty() && ready[1].front() < ready[0].front());
  for (int part = 0; !ready[0].empty() || !ready[1].empty(); ++part, turn = !turn) {
    while (!ready[turn].empty()) {
      const int i = ready[turn].front();
      ready[turn].pop_front();
      parts[i] = part;
      for (const int t : graph.nodes[i].outputs) {
        for (const int reader : readers[t]) {
          if (--waits_for[reader] == 0) ready[taken[reader]].push_back(reader);
        }
      }
    }
  }
  return parts;
}

double CostOf(const CostGraph& graph, const Choice& taken) { return Costs(graph, taken).Sum(); }

std::vector<int> WritersOf(const CostGraph& graph) {
  std::vector<int> writers(graph.tensors.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const int t : graph.nodes[i].outputs) writers[t] = static_cast<int>(i);
  }
  return writers;
}

std::vector<std::vector<int>> ReadersOf(const CostGraph& graph) {
  std::vector<std::vector<int>> readers(graph.tensors.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const int t : graph.nodes[i].inputs) readers[t].push_back(static_cast<int>(i));
  }
  return readers;
}

}  // namespace ubp
