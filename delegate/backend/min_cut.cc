// SPDX-License-Identifier: Apache-2.0
#include "delegate/backend/min_cut.h"

#include <algorithm>
#include <cstddef>

namespace ubp {

MinCut::MinCut(int things) : leave_(kThings + things) {}

int MinCut::AddThing() {
  leave_.emplace_back();
  return static_cast<int>(leave_.size()) - 1 - kThings;
}

void MinCut::AddEdge(int from, int to, double capacity) {
  if (capacity <= 0.0) return;
  leave_[from].push_back(static_cast<int>(edges_.size()));
  edges_.push_back({to, capacity});
  leave_[to].push_back(static_cast<int>(edges_.size()));
  edges_.push_back({from, 0.0});
}

bool MinCut::FindLevels() {
  levels_.assign(leave_.size(), -1);
  levels_[kSource] = 0;
  std::vector<int> queue = {kSource};
  for (size_t i = 0; i < queue.size(); ++i) {
    for (const int e : leave_[queue[i]]) {
      const Edge& edge = edges_[e];
      if (edge.capacity <= 0.0 || levels_[edge.to] >= 0) continue;
      levels_[edge.to] = levels_[queue[i]] + 1;
      queue.push_back(edge.to);
    }
  }
  return levels_[kSink] >= 0;
}

// Sends what it can to the sink along one path of rising levels; false if there is no such path.
// Edges that lead nowhere are not tried again at these levels.
bool MinCut::Augment() {
  std::vector<int> path;
  for (int vertex = kSource; vertex != kSink;) {
    if (next_[vertex] == leave_[vertex].size()) {
      if (path.empty()) return false;
      vertex = edges_[path.back() ^ 1].to;
      path.pop_back();
      ++next_[vertex];
      continue;
    }
    const int e = leave_[vertex][next_[vertex]];
    if (edges_[e].capacity > 0.0 && levels_[edges_[e].to] == levels_[vertex] + 1) {
      path.push_back(e);
      vertex = edges_[e].to;
    } else {
      ++next_[vertex];
    }
  }
  double flow = kNever;
  for (const int e : path) flow = std::min(flow, edges_[e].capacity);
  for (const int e : path) {
    if (edges_[e].capacity != kNever) edges_[e].capacity -= flow;
    edges_[e ^ 1].capacity += flow;
  }
  return true;
}

std::vector<bool> MinCut::Solve() {
  while (FindLevels()) {
    next_.assign(leave_.size(), 0);
    while (Augment()) {
    }
  }
  std::vector<bool> first(leave_.size() - kThings);
  for (size_t i = 0; i < first.size(); ++i) first[i] = levels_[i + kThings] >= 0;
  return first;
}

}  // namespace ubp
