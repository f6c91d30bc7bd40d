// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/int8_costs.h"

#include <variant>

#include "delegate/format/constants.h"

namespace ubp {
namespace {

using constants::kQuadBlockCosts;
using constants::kQuadSingleCosts;
// One multiply-add of XNNPACK's dense int8 convolution, in the time of one of its float32 one.
constexpr double kMultiplyAdd = constants::kQuadMultiplyAdd;
// A multiply-add of the delegate's dense convolution, which runs in blocks.
constexpr double kDenseInBlocks = 0.25;
// An element of the output of a convolution, beside its multiply-adds: XNNPACK's, and the delegate's.
constexpr double kOutputOfXnnpack = 8.0;
constexpr double kOutput = 3.0;
// A weight of a layer of one pixel: XNNPACK's, and in the delegate's dense one.
constexpr double kWeight = kMultiplyAdd;
constexpr double kDenseWeight = 2.5 * kWeight;
// One tap of a depthwise convolution and element of the output.
constexpr double kTap = 0.25;
constexpr double kTapOfXnnpack = 0.9;
// One element of what only moves or combines elements.
constexpr double kElement = 1.5;
constexpr double kElementOfXnnpack = 1.5;
// One element of a SOFTMAX.
constexpr double kSoftmaxElement = 100.0;
// One element of a bilinear resize.
constexpr double kBlend = 20.0;
constexpr double kBlendOfXnnpack = 18.5;
// One element and tap of a pooling; XNNPACK has none of averages.
constexpr double kPoolTap = 1.0;
constexpr double kMaxPoolOfXnnpack = 6.0;
constexpr double kAveragePoolOfTfLite = 15.0;

void SetLayer(const OpToRun& op, CostNode* node) {
  const double pixels = op.output.batch * op.output.pixels;
  const double weights =
      static_cast<double>(AttributesOf(*op.op).lanes()) * AttributesOf(*op.op).out_channels;
  if (pixels == 1.0) {
    node->left = kWeight * weights;
    node->taken = op.blocks ? *op.blocks : kDenseWeight * weights;
    return;
  }
  node->left = kMultiplyAdd * pixels * weights + kOutputOfXnnpack * op.output.elements();
  node->taken =
      (op.blocks ? *op.blocks : kDenseInBlocks * pixels * weights) + kOutput * op.output.elements();
}

void SetPerElement(double taken, double left, const Extent& extent, CostNode* node) {
  node->taken = taken * extent.elements();
  node->left = left * extent.elements();
}

void SetCost(const Conv2DOp&, const OpToRun& op, CostNode* node) { SetLayer(op, node); }
void SetCost(const FullyConnectedOp&, const OpToRun& op, CostNode* node) { SetLayer(op, node); }
// XNNPACK computes no zeros of phases that have fewer taps, and has no blocks to lay out; nor do the
// delegate's blocks cover them.
void SetCost(const TransposeConv2DOp& kind, const OpToRun& op, CostNode* node) {
  const double phases = kind.blocks.block_h * kind.blocks.block_w;
  const double weights = static_cast<double>(kind.layer.attributes.lanes()) *
                         kind.layer.attributes.out_channels * kind.layer.dense.share;
  const double products = op.output.batch * op.output.pixels / phases * weights;
  node->left = kMultiplyAdd * products + kOutputOfXnnpack * op.output.elements();
  node->taken = (op.blocks ? *op.blocks : kDenseInBlocks * products) +
                (kOutput + kElement) * op.output.elements();
}
void SetCost(const DepthwiseConv2DOp& kind, const OpToRun& op, CostNode* node) {
  const int taps = kind.attributes.taps();
  SetPerElement(kTap * taps + kOutput, kTapOfXnnpack * taps + kOutputOfXnnpack, op.output, node);
}
void SetCost(const Pool2DOp& kind, const OpToRun& op, CostNode* node) {
  const int taps = kind.attributes.taps();
  const bool is_max = kind.kind == PoolKind::kMax;
  SetPerElement(kPoolTap * taps, is_max ? kMaxPoolOfXnnpack : kAveragePoolOfTfLite, op.output,
                node);
}
void SetCost(const MeanOp&, const OpToRun& op, CostNode* node) {
  SetPerElement(kElement, kElementOfXnnpack, op.input, node);
}
void SetCost(const SoftmaxOp&, const OpToRun& op, CostNode* node) {
  SetPerElement(kSoftmaxElement, kSoftmaxElement, op.output, node);
}
void SetCost(const ResizeOp& kind, const OpToRun& op, CostNode* node) {
  const bool bilinear = kind.kind == ResizeKind::kBilinear;
  SetPerElement(bilinear ? kBlend : kElement, bilinear ? kBlendOfXnnpack : kElementOfXnnpack,
                op.output, node);
}
// All others only move elements, or combine those of two tensors.
template <class Kind>
void SetCost(const Kind&, const OpToRun& op, CostNode* node) {
  SetPerElement(kElement, kElementOfXnnpack, op.output, node);
}

}  // namespace

// By the channels of a block, of 4 lanes each: 16 is no size of int8 blocks.
const BlockCosts kInt8BlockCosts = {
    {kQuadBlockCosts[0], kQuadBlockCosts[1], kQuadBlockCosts[2], kQuadBlockCosts[3], 0.0},
    {kQuadSingleCosts[0], kQuadSingleCosts[1], kQuadSingleCosts[2], kQuadSingleCosts[3], 0.0},
    constants::kQuadTransposeCost,
    constants::kTile,
    kMultiplyAdd};

void SetInt8Costs(const OpToRun& op, CostNode* node) {
  std::visit([&](const auto& kind) { SetCost(kind, op, node); }, op.op->details);
}

}  // namespace ubp
