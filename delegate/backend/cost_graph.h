// SPDX-License-Identifier: Apache-2.0
// What a choice of nodes to take is predicted to cost; free of TFLite.
//
// The unit of all costs is the time of one multiply-add of XNNPACK's dense convolution.
#ifndef UBP_DELEGATE_BACKEND_COST_GRAPH_H_
#define UBP_DELEGATE_BACKEND_COST_GRAPH_H_

#include <vector>

namespace ubp {

// In which form (choose_layouts.h) an op of the delegate reads and writes its tensors.
enum class Layouts {
  kEither,   // a convolution reads both, and writes what its readers need
  kPlanes,   // reads and writes planes
  kFollows,  // writes planes if it reads one in planes, else an image
  kReduces,  // reads planes and writes an image
  kSpreads,  // reads an image and writes planes
  kNhwc      // reads and writes images
};

inline bool ReadsImages(Layouts layouts) {
  return layouts == Layouts::kNhwc || layouts == Layouts::kSpreads;
}
inline bool WritesImages(Layouts layouts) {
  return layouts == Layouts::kNhwc || layouts == Layouts::kReduces;
}

// A node of the model: taken by the delegate, or left to XNNPACK.
struct CostNode {
  bool can_take = false;
  bool must_take = false;   // nobody else can run it
  bool has_blocks = false;  // a layer that leaves out zeros
  bool sparse = false;      // one that is worth taking by itself
  Layouts layouts = Layouts::kEither;
  double taken = 0.0;
  double left = 0.0;
  // The node that this one becomes part of where both run in one part, or -1; it costs so much
  // more by itself.
  int host = -1;
  double taken_alone = 0.0;
  double left_alone = 0.0;
  double from_image = 0.0;       // kEither: more where it reads an image
  double image_to_planes = 0.0;  // ... and, if that is in its part to be read, writes planes
  std::vector<int> inputs;       // tensors that are computed, or given, per inference
  std::vector<int> outputs;      // each tensor is in one node's outputs at most
};

struct CostTensor {
  double to_planes = 0.0;  // from an image
  double to_image = 0.0;   // from planes
  bool is_result = false;  // an output of the model
};

// Nodes are in an order in which they can run.
struct CostGraph {
  std::vector<CostNode> nodes;
  std::vector<CostTensor> tensors;
  double part = 0.0;        // of calling one part, the delegate's or XNNPACK's
  double taken_part = 0.0;  // what the delegate's costs more
};

// By node; what must be taken is, and what cannot be is not.
using Choice = std::vector<bool>;

// The parts into which the interpreter divides the model, numbered in the order in which they run:
// taken and left nodes by turns, each part as large as what its nodes depend on allows.
std::vector<int> PartsOf(const CostGraph& graph, const Choice& taken);

// What an inference costs: nodes, calls of parts, and changes of form where tensors enter and leave
// the delegate's parts, each counted once.
double CostOf(const CostGraph& graph, const Choice& taken);

// The node that writes each tensor, or -1.
std::vector<int> WritersOf(const CostGraph& graph);
// The nodes that read each tensor.
std::vector<std::vector<int>> ReadersOf(const CostGraph& graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_COST_GRAPH_H_
