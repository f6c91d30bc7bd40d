// SPDX-License-Identifier: Apache-2.0
// Who writes what a single op reads: what passes that fuse an op with the one in front of it ask.
#ifndef UBP_DELEGATE_REWRITE_WRITERS_H_
#define UBP_DELEGATE_REWRITE_WRITERS_H_

#include <vector>

#include "delegate/graph/shaped_graph.h"

namespace ubp {

class Writers {
 public:
  explicit Writers(ShapedGraph* graph) : graph_(*graph), readers_(graph->ReadersOf()) {}

  // The op that writes a tensor inside the graph for one reader alone, or null.
  ShapedOp* Sole(int tensor);
  // The same if it has no activation.
  ShapedOp* SolePlain(int tensor);

  // `op` becomes part of `writer`, an earlier one, and is gone.
  void Absorb(ShapedOp* op, ShapedOp* writer);

 private:
  ShapedGraph& graph_;
  std::vector<int> readers_;  // by tensor
};

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_WRITERS_H_
