// SPDX-License-Identifier: Apache-2.0
// What single operators cost in a backend and in XNNPACK.
#ifndef UBP_DELEGATE_BACKEND_COST_MODEL_H_
#define UBP_DELEGATE_BACKEND_COST_MODEL_H_

#include <array>
#include <optional>

#include "delegate/backend/cost_graph.h"
#include "delegate/format/attributes.h"
#include "delegate/format/cover.h"
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
  const GraphOp* op = nullptr;  // its kind, window, channels and function
  Extent input;                 // the first
  Extent output;
  Operand operand = Operand::kFull;  // of arithmetic
  std::optional<double> blocks;      // of a block-sparse layer: BlockChoice::cost
};

// What running a layer in blocks costs, in the time of one multiply-add of the dense float32 kernel.
struct BlockCosts {
  using BySize = std::array<double, kBlockSizes.size()>;

  BySize block = {};       // one block of each size and pixel
  BySize single = {};      // one block of a pointwise layer of one pixel, in the time of one weight
  double transpose = 0.0;  // bringing one value into or out of the layout that blocks are run in
  double tile = 1.0;       // pixels that are computed together at least
  double dense = 1.0;      // one multiply-add of the dense kernel for this type
};

// The constants of a backend on one kind of machine: who takes a node is decided by what it says.
class CostModel {
 public:
  virtual ~CostModel() = default;

  virtual const BlockCosts& blocks() const = 0;
  // Of int8 layers, whose blocks are as many channels of 4 lanes each.
  virtual const BlockCosts& int8_blocks() const = 0;
  // Fills in the layouts and costs of a node.
  virtual void SetCosts(const OpToRun& op, CostNode* node) const = 0;
  // Of a tensor that enters or leaves the backend's parts.
  virtual CostTensor CostOfTensor(const Extent& extent, ElementType elements) const = 0;
  // Of calling parts.
  virtual void SetCostsOfParts(CostGraph* graph) const = 0;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_COST_MODEL_H_
