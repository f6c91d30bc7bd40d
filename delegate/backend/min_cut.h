// SPDX-License-Identifier: Apache-2.0
// The cheapest division of things into two sides, where pairs cost something when they are divided.
#ifndef UBP_DELEGATE_BACKEND_MIN_CUT_H_
#define UBP_DELEGATE_BACKEND_MIN_CUT_H_

#include <cstddef>
#include <limits>
#include <vector>

namespace ubp {

// A minimum s-t cut, by Dinic's algorithm: costs of one thing and of ordered pairs are all that a
// cut can express, and for these it is exact.
class MinCut {
 public:
  // What must not be paid. There is a division that does not.
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  explicit MinCut(int things);

  // A further thing, to express costs of more than two by; returns its number.
  int AddThing();
  // Costs are at least 0. Paid if `thing` is on the first side:
  void AddFirst(int thing, double cost) { AddEdge(thing + kThings, kSink, cost); }
  // ... on the second:
  void AddSecond(int thing, double cost) { AddEdge(kSource, thing + kThings, cost); }
  // ... if `first` is on the first side and `second` on the second:
  void AddPair(int first, int second, double cost) {
    AddEdge(first + kThings, second + kThings, cost);
  }

  // Whether each thing is on the first side; of several cheapest divisions the one with the fewest
  // there. May be called once.
  std::vector<bool> Solve();

 private:
  enum { kSource = 0, kSink = 1, kThings = 2 };
  struct Edge {
    int to;
    double capacity;
  };

  void AddEdge(int from, int to, double capacity);
  bool FindLevels();
  bool Augment();

  std::vector<Edge> edges_;              // each followed by its reverse
  std::vector<std::vector<int>> leave_;  // edges of each vertex
  std::vector<int> levels_;              // distance from the source, or -1
  std::vector<size_t> next_;             // of leave_, not yet tried
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_MIN_CUT_H_
