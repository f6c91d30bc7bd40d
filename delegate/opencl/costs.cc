// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/costs.h"

namespace ubp::opencl {
namespace {

// All constants are in the time of one multiply-add of XNNPACK's dense convolution on one thread. They
// are estimates for a phone: none was measured on a GPU. Where one is asked for, what matters is that
// stretches are whole; that one is worth asking for, a measurement says (faster_backend.h).

// The share of XNNPACK's time that an op takes on the device, beside its launch.
constexpr double kShare = 0.1;
constexpr double kLaunch = 250e3;
// Waiting for the device, once a part.
constexpr double kTakenPart = 5e6;
// Bringing an element to the device, or back.
constexpr double kTransfer = 30.0;

// A block reads one element for N multiply-adds, and its offset: so small blocks cost much.
constexpr double BlockOf(double n) { return 5.5 + 0.8 * n; }
constexpr BlockCosts::BySize kBlocks = {BlockOf(1), BlockOf(2), BlockOf(4), BlockOf(8),
                                        BlockOf(16)};
static_assert(kBlockSizes.size() == 5 && kBlockSizes[0] == 1 && kBlockSizes[4] == 16);
// Layers of one pixel run densely: no blocks pay there.
constexpr BlockCosts::BySize kSingle = {1e3, 1e3, 1e3, 1e3, 1e3};
// Activations are planes from end to end; but a layer of zeros alone must cost something. The least
// work-group has 16 pixels.
constexpr BlockCosts kBlockCosts = {kBlocks, kSingle, 0.01, 16.0};

class OpenClCosts : public CostModel {
 public:
  explicit OpenClCosts(const CostModel& xnnpack) : xnnpack_(xnnpack) {}

  const BlockCosts& blocks() const override { return kBlockCosts; }
  const BlockCosts& int8_blocks() const override { return xnnpack_.int8_blocks(); }

  void SetCosts(const OpToRun& op, CostNode* node) const override {
    xnnpack_.SetCosts(op, node);
    node->layouts = Layouts::kPlanes;
    const bool in_blocks = op.blocks && op.output.pixels > 1.0;
    node->taken = kLaunch + kShare * (in_blocks ? *op.blocks : node->left);
    node->taken_alone = kLaunch + kShare * node->left_alone;
    node->from_image = 0.0;
    node->image_to_planes = 0.0;
  }

  CostTensor CostOfTensor(const Extent& extent, ElementType) const override {
    CostTensor tensor;
    tensor.to_planes = kTransfer * extent.elements();
    tensor.to_image = kTransfer * extent.elements();
    return tensor;
  }

  void SetCostsOfParts(CostGraph* graph) const override {
    xnnpack_.SetCostsOfParts(graph);
    graph->taken_part = kTakenPart;
  }

 private:
  const CostModel& xnnpack_;
};

}  // namespace

std::unique_ptr<CostModel> MakeOpenClCosts(const CostModel& xnnpack) {
  return std::make_unique<OpenClCosts>(xnnpack);
}

}  // namespace ubp::opencl
