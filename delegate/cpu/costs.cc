// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/costs.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "delegate/cpu/int8_costs.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/format/constants.h"

namespace ubp {
namespace {

// All constants are in the time of one multiply-add of XNNPACK's dense convolution, 0.018 ns on the
// machine they were measured on: x86-64 with AVX-512, one thread. Other instruction sets and more
// threads change the times of both sides much alike; the same constants serve for them.

// One element of a tensor of several pixels: an image made planes, planes made an image; and what
// there is for each plane, however small.
constexpr double kToPlanes = 9.0;
constexpr double kToImage = 19.0;
constexpr double kPlane = 300.0;
// One element and one channel of an image that a convolution makes planes of: a pointwise one, if
// it writes planes, and one with a window, whose planes strides cut apart.
constexpr double kImageToPointwise = 9.0;
constexpr double kChannelToPointwise = 1500.0;
constexpr double kImageToWindow = 7.0;
constexpr double kChannelToWindow = 3000.0;
constexpr double kImageToStrides = 15.0;
// Calling one part; and what the delegate's costs more, small ones by about 1.6 us: it is fitted to
// networks of up to 60 us.
constexpr double kPart = 10e3;
constexpr double kTakenPart = 90e3;

// What converting assumes by default.
constexpr BlockCosts kBlockCosts = {constants::kBlockCosts, constants::kSingleCosts,
                                    constants::kTransposeCost, constants::kTile};

// An element of the output of a dense convolution, beside its multiply-adds.
constexpr double kDenseOutput = 10.0;
constexpr double kDenseOutputOfXnnpack = 15.0;
// Channels that XNNPACK computes together: of pointwise layers and few channels, and of others.
constexpr double kChannels = 16.0;
constexpr double kChannelsOfWindow = 32.0;
// A weight of a layer of one pixel, which comes from memory.
constexpr double kWeight = 4.0;
// An element of the output of a block-sparse layer, beside its blocks.
constexpr double kSparseOutput = 2.0;
// The delegate's dense convolutions: one multiply-add, and pixels that are computed together at
// least.
constexpr double kDenseInBlocks = 1.0;
using constants::kTile;
// One tap of a depthwise convolution and element of the output; XNNPACK's has kernels of its own for
// up to so many taps.
constexpr double kTap = 2.1;
constexpr double kTapOfXnnpack = 2.4;
constexpr double kTapOfXnnpackAbove = 3.2;
constexpr int kFewTaps = 9;

// Pooling: an element, and for each row of the window, of square ones; of large ones at most; and a
// plane. XNNPACK's is for each element of the output, and for as many taps as fit into one pass.
constexpr double kPoolElement = 2.0;
constexpr double kPoolRow = 5.6;
constexpr double kLargePoolElement = 40.0;
constexpr double kPoolPlane = 1500.0;
constexpr double kMaxPoolOfXnnpack = 25.0;
constexpr double kAveragePoolOfXnnpack = 17.0;

// Of an op without weights: for each element of the output, or of the input for MEAN. `alone`: more
// where the op is not fused with the one next to it.
struct PerElement {
  double taken = 0.0;
  double left = 0.0;
  double taken_alone = 0.0;
  double left_alone = 0.0;
};

PerElement CostOfArithmetic(Elementwise function, Operand operand) {
  const bool is_sum = function == Elementwise::kAdd;
  switch (operand) {
    case Operand::kFull:
      return is_sum ? PerElement{1.5, 5.5, 6.0, 0.0} : PerElement{7.0, 5.5, 0.0, 0.0};
    case Operand::kVector:
      return {4.5, 10.0, 0.0, 0.0};
    case Operand::kConstant:
      return {0.0, 6.0, 6.0, 0.0};
  }
  return {};
}

PerElement CostOfFunction(Elementwise function) {
  switch (function) {
    case Elementwise::kLeakyRelu:
      return {7.0, 3.5, 3.0, 0.0};
    case Elementwise::kElu:
      return {13.0, 15.0, 3.0, 0.0};
    case Elementwise::kHardSwish:
      return {5.0, 4.5, 3.0, 0.0};
    case Elementwise::kGelu:
      return {33.0, 18.0, 3.0, 0.0};
    case Elementwise::kGeluTanh:
      return {18.0, 18.0, 3.0, 0.0};
    case Elementwise::kExp:
      return {12.0, 13.0, 3.0, 0.0};
    case Elementwise::kLog:  // fused, it is a part of softplus, which hardly takes longer than EXP
      return {9.0, 16.0, 19.0, 0.0};
    default:  // LOGISTIC and TANH
      return {15.0, 13.0, 3.0, 0.0};
  }
}

void SetPerElement(const PerElement& cost, const Extent& extent, CostNode* node) {
  const double elements = extent.elements();
  const bool in_planes = node->layouts != Layouts::kNhwc && extent.pixels > 1.0;
  const double planes = in_planes ? kPlane * extent.planes() : 0.0;
  node->taken = cost.taken * elements + (cost.taken > 0.0 ? planes : 0.0);
  node->left = cost.left * elements;
  node->taken_alone = cost.taken_alone * elements + (cost.taken > 0.0 ? 0.0 : planes);
  node->left_alone = cost.left_alone * elements;
}

double Taps(const LayerAttributes& attributes) {
  return static_cast<double>(attributes.kernel_h) * attributes.kernel_w;
}

void SetPool(PoolKind kind, const OpToRun& op, CostNode* node) {
  const double taps = Taps(AttributesOf(*op.op));
  const double element = std::min(kPoolElement + kPoolRow * std::sqrt(taps), kLargePoolElement);
  // Rows are reduced before columns, at all pixels.
  const double elements = (op.input.elements() + op.output.elements()) / 2.0;
  node->taken = element * elements + kPoolPlane * op.output.planes();
  const double left = kind == PoolKind::kMax ? kMaxPoolOfXnnpack : kAveragePoolOfXnnpack;
  node->left = left * std::max(1.0, taps / kFewTaps) * op.output.elements();
}

// What a convolution pays for an image that it reads.
void SetFromImage(const OpToRun& op, CostNode* node) {
  if (op.input.pixels == 1.0) return;
  if (Taps(AttributesOf(*op.op)) == 1.0) {
    node->image_to_planes =
        kImageToPointwise * op.input.elements() + kChannelToPointwise * op.input.planes();
    return;
  }
  const bool strided = AttributesOf(*op.op).stride_h > 1 || AttributesOf(*op.op).stride_w > 1;
  node->from_image = (strided ? kImageToStrides : kImageToWindow) * op.input.elements() +
                     kChannelToWindow * op.input.planes();
}

// A convolution or fully-connected layer.
void SetLayer(const OpToRun& op, CostNode* node) {
  const double pixels = op.output.batch * op.output.pixels;
  const double outputs = op.output.elements();
  const double lanes = AttributesOf(*op.op).lanes();
  const double channels = AttributesOf(*op.op).out_channels;
  if (pixels == 1.0) {
    node->left = kWeight * lanes * channels;
    node->taken = op.blocks ? kWeight * *op.blocks : node->left;
    return;
  }
  const bool few = Taps(AttributesOf(*op.op)) == 1.0 || channels <= kChannels;
  const double tile = few ? kChannels : kChannelsOfWindow;
  node->left = pixels * lanes * std::ceil(channels / tile) * tile * LayerOf(*op.op)->dense.share +
               kDenseOutputOfXnnpack * outputs;
  if (op.blocks) {
    node->taken = *op.blocks + kSparseOutput * outputs;
  } else {
    const double computed = std::ceil(op.output.pixels / kTile) * kTile * op.output.batch;
    node->taken = computed * lanes * channels * kDenseInBlocks + kDenseOutput * outputs;
  }
  if (node->layouts == Layouts::kEither) SetFromImage(op, node);
}

// The costs of each kind of op.
void SetCost(const Conv2DOp&, const OpToRun& op, CostNode* node) { SetLayer(op, node); }
void SetCost(const FullyConnectedOp&, const OpToRun& op, CostNode* node) { SetLayer(op, node); }
void SetCost(const DepthwiseConv2DOp& kind, const OpToRun& op, CostNode* node) {
  const double taps = Taps(kind.attributes);
  const double left = taps <= kFewTaps ? kTapOfXnnpack : kTapOfXnnpackAbove;
  SetPerElement({kTap * taps, left * taps, 0.0, 0.0}, op.output, node);
}
void SetCost(const Pool2DOp& kind, const OpToRun& op, CostNode* node) {
  SetPool(kind.kind, op, node);
}
void SetCost(const MeanOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({5.5, 1.7, 0.0, 0.0}, op.input, node);
}
void SetCost(const PadOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({0.0, 1.0, 10.0, 18.0}, op.output, node);
}
void SetCost(const ReshapeOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({1.0, 1.0, 0.0, 0.0}, op.output, node);
}
void SetCost(const ConcatenationOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({1.5, 4.0, 0.0, 0.0}, op.output, node);
}
void SetCost(const SoftmaxOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({30.0, 30.0, 0.0, 0.0}, op.output, node);
}
void SetCost(const ArithmeticOp& kind, const OpToRun& op, CostNode* node) {
  if (op.operand == Operand::kVector) node->layouts = Layouts::kPlanes;
  SetPerElement(CostOfArithmetic(kind.function, op.operand), op.output, node);
}
void SetCost(const ClampOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({0.0, 0.0, 6.0, 5.5}, op.output, node);
}
void SetCost(const FunctionOp& kind, const OpToRun& op, CostNode* node) {
  SetPerElement(CostOfFunction(kind.function.function), op.output, node);
}
void SetCost(const ResizeOp& kind, const OpToRun& op, CostNode* node) {
  const bool bilinear = kind.kind == ResizeKind::kBilinear;
  SetPerElement({bilinear ? 30.0 : 15.0, bilinear ? 15.0 : 15.0, 0.0, 0.0}, op.output, node);
}
void SetCost(const DepthToSpaceOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({7.0, 10.0, 0.0, 0.0}, op.output, node);
}
void SetCost(const TransposeConv2DOp& kind, const OpToRun& op, CostNode* node) {
  // XNNPACK computes no zeros of phases that have fewer taps, and has no blocks to lay out.
  OpToRun conv = op;
  conv.output.pixels /= kind.blocks.block_h * kind.blocks.block_w;
  conv.output.channels *= kind.blocks.block_h * kind.blocks.block_w;
  SetLayer(conv, node);
  node->taken += 7.0 * op.output.elements();
}
// Is of int8 only (int8_costs.h).
void SetCost(const RequantizeOp&, const OpToRun&, CostNode*) {}
void SetCost(const SpaceToDepthOp&, const OpToRun& op, CostNode* node) {
  SetPerElement({7.0, 10.0, 0.0, 0.0}, op.output, node);
}

class CpuCostModel : public CostModel {
 public:
  const BlockCosts& blocks() const override { return kBlockCosts; }
  const BlockCosts& int8_blocks() const override { return kInt8BlockCosts; }

  void SetCosts(const OpToRun& op, CostNode* node) const override {
    node->layouts = CpuOpOf(*op.op).layouts;
    if (op.op->is_int8()) return SetInt8Costs(op, node);
    std::visit([&](const auto& kind) { SetCost(kind, op, node); }, op.op->details);
  }

  CostTensor CostOfTensor(const Extent& extent, ElementType elements) const override {
    CostTensor tensor;
    if (extent.pixels == 1.0) return tensor;  // a vector is the same in all forms
    // Of int8, four elements move at a time.
    const double share = elements == ElementType::kInt8 ? 0.25 : 1.0;
    tensor.to_planes = share * (kToPlanes * extent.elements() + kPlane * extent.planes());
    tensor.to_image = share * kToImage * extent.elements();
    return tensor;
  }

  void SetCostsOfParts(CostGraph* graph) const override {
    graph->part = kPart;
    graph->taken_part = kTakenPart;
  }
};

}  // namespace

const CostModel& CpuCosts() {
  static const CpuCostModel costs;
  return costs;
}

}  // namespace ubp
