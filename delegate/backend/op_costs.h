// What single operators cost in the delegate and in XNNPACK: all constants of the partition, and
// their units, are in op_costs.cc.
#ifndef UBP_DELEGATE_BACKEND_OP_COSTS_H_
#define UBP_DELEGATE_BACKEND_OP_COSTS_H_

#include <optional>

#include "delegate/backend/cost_graph.h"
#include "delegate/format/attributes.h"
#include "delegate/graph/elementwise_function.h"
#include "delegate/graph/graph.h"

namespace ubp {

// Of a tensor.
struct Extent {
  double batch = 1.0;   // rows of a matrix
  double pixels = 1.0;  // of one image; 1 for matrices
  double channels = 1.0;

  double elements() const { return batch * pixels * channels; }
  double planes() const { return batch * channels; }
};

// The second operand of ADD, SUB and MUL: as large as the output, a vector, or constant.
enum class Operand { kFull, kVector, kConstant };

struct OpToRun {
  OpType type = OpType::kConv2D;
  LayerAttributes attributes;  // window and channels, as far as the type has them
  Extent input;                // the first
  Extent output;
  Operand operand = Operand::kFull;
  Elementwise function = Elementwise::kScale;  // kFunction: which
  std::optional<double> blocks;                // of a block-sparse layer: BlockChoice::cost
};

// Fills in the costs of a node whose forms are known.
void SetCosts(const OpToRun& op, CostNode* node);

// Of a tensor that enters or leaves the delegate's parts.
CostTensor CostOfTensor(const Extent& extent);

// Of calling parts.
void SetCostsOfParts(CostGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_OP_COSTS_H_
