// SPDX-License-Identifier: Apache-2.0
// What the CPU backend's model of costs says of single operators, and of networks made of them: the
// same on every kind of processor, unless a test says otherwise.

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "delegate/backend/cheapest_choice.h"
#include "delegate/cpu/costs.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

constexpr double kClearGain = 1.08;

LayerAttributes Window(int kernel, int in_channels, int out_channels, int stride = 1) {
  LayerAttributes attributes;
  attributes.in_channels = in_channels;
  attributes.out_channels = out_channels;
  attributes.kernel_h = attributes.kernel_w = kernel;
  attributes.stride_h = attributes.stride_w = stride;
  return attributes;
}

GraphOp Conv(int kernel, int in_channels, int out_channels) {
  Conv2DOp conv;
  conv.layer.attributes = Window(kernel, in_channels, out_channels);
  GraphOp op;
  op.details = conv;
  return op;
}

GraphOp Depthwise(int channels, int stride) {
  DepthwiseConv2DOp depthwise;
  depthwise.attributes = Window(3, channels, channels, stride);
  GraphOp op;
  op.details = depthwise;
  return op;
}

GraphOp Function(Elementwise function) {
  FunctionOp kind;
  kind.function.function = function;
  GraphOp op;
  op.details = kind;
  return op;
}

class CpuCostsTest : public testing::TestWithParam<MultiplyAddCosts> {
 protected:
  CostNode NodeOf(const GraphOp& op, const Extent& input, const Extent& output) const {
    OpToRun run;
    run.op = &op;
    run.input = input;
    run.output = output;
    CostNode node;
    node.can_take = true;
    costs_->SetCosts(run, &node);
    return node;
  }

  CostNode NodeOf(const GraphOp& op, const Extent& extent) const {
    return NodeOf(op, extent, extent);
  }

  // A pointwise layer of [1, pixels, channels] in blocks, a share of which is kept.
  CostNode Sparse(double pixels, int channels, double kept) const {
    const GraphOp op = Conv(1, channels, channels);
    const Extent extent{1.0, pixels, double(channels)};
    OpToRun run;
    run.op = &op;
    run.input = run.output = extent;
    run.blocks = kept * pixels * channels * channels;
    CostNode node;
    node.can_take = node.has_blocks = node.sparse = true;
    costs_->SetCosts(run, &node);
    return node;
  }

  // Nodes one behind the other, with tensors of one size.
  CostGraph Chain(std::vector<CostNode> nodes, const Extent& extent) const {
    CostGraph graph;
    costs_->SetCostsOfParts(&graph);
    for (size_t i = 0; i <= nodes.size(); ++i) {
      graph.tensors.push_back(costs_->CostOfTensor(extent, ElementType::kFloat32));
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      nodes[i].inputs = {static_cast<int>(i)};
      nodes[i].outputs = {static_cast<int>(i) + 1};
    }
    graph.tensors.back().is_result = true;
    graph.nodes = std::move(nodes);
    return graph;
  }

  const std::unique_ptr<const CostModel> costs_ = MakeCpuCosts(GetParam());
};

TEST_P(CpuCostsTest, CallingAPartTakesLessThanAMicrosecond) {
  const CostGraph graph = Chain({}, {});
  EXPECT_LT(graph.part + graph.taken_part, 1e3 / 0.018);
}

TEST_P(CpuCostsTest, OneLayerOfASmallNetworkIsTaken) {
  const Extent extent{1.0, 49.0, 96.0};
  CostNode foreign;
  foreign.left = 20e3;
  const CostGraph graph = Chain({foreign, Sparse(49.0, 96, 0.1), foreign}, extent);
  EXPECT_EQ(ClearlyCheapestChoice(graph, kClearGain), (Choice{false, true, false}));
}

// A part of many tiny nodes costs more than in XNNPACK, whose nodes cost less by themselves.
TEST_P(CpuCostsTest, TinyNodesAroundALayerAreLeft) {
  const Extent extent{1.0, 4.0, 8.0};
  std::vector<CostNode> nodes(12, NodeOf(Function(Elementwise::kTanh), extent));
  nodes.push_back(Sparse(4.0, 8, 0.1));
  const CostGraph graph = Chain(nodes, extent);
  EXPECT_EQ(ClearlyCheapestChoice(graph, kClearGain), LeastChoice(graph));
}

// An island: two changes of layout of tensors that no cache near the core holds.
TEST_P(CpuCostsTest, AnIslandOfLargeTensorsIsLeft) {
  const Extent extent{1.0, 112.0 * 112.0, 16.0};
  CostNode foreign;
  const CostNode gelu = NodeOf(Function(Elementwise::kGelu), extent);
  const CostGraph graph = Chain({foreign, Sparse(extent.pixels, 16, 0.2), gelu, foreign}, extent);
  EXPECT_EQ(ClearlyCheapestChoice(graph, kClearGain), LeastChoice(graph));
}

TEST_P(CpuCostsTest, AnElementOfALargeTensorCostsMore) {
  const Extent small{1.0, 784.0, 32.0}, large{1.0, 12544.0, 32.0};
  const double times = large.elements() / small.elements();
  const CostTensor of_small = costs_->CostOfTensor(small, ElementType::kFloat32);
  const CostTensor of_large = costs_->CostOfTensor(large, ElementType::kFloat32);
  EXPECT_GT(of_large.to_image, 1.1 * times * of_small.to_image);
  EXPECT_GT(of_large.to_planes, 1.1 * times * of_small.to_planes);
  const GraphOp op = Function(Elementwise::kHardSwish);
  const CostNode small_node = NodeOf(op, small), large_node = NodeOf(op, large);
  EXPECT_GT(large_node.left, 1.1 * times * small_node.left);
  // More so in XNNPACK, where every operator reads and writes its tensors as a whole.
  EXPECT_GT(large_node.left - times * small_node.left, large_node.taken - times * small_node.taken);
}

// So that one between two layers is no island.
TEST_P(CpuCostsTest, FunctionsCostAboutAsMuchAsInXnnpack) {
  const Extent extent{1.0, 784.0, 64.0};
  for (const Elementwise function :
       {Elementwise::kGelu, Elementwise::kTanh, Elementwise::kLogistic, Elementwise::kElu}) {
    const CostNode node = NodeOf(Function(function), extent);
    EXPECT_GT(node.taken, 0.7 * node.left) << static_cast<int>(function);
    EXPECT_LT(node.taken, 1.5 * node.left) << static_cast<int>(function);
  }
}

// XNNPACK passes over the tensor in each of its nodes.
TEST_P(CpuCostsTest, LayerNormalisationGains) {
  GraphOp op;
  op.details = LayerNormOp();
  const CostNode node = NodeOf(op, {1.0, 784.0, 192.0});
  EXPECT_LT(2.0 * node.taken, node.left);
  EXPECT_EQ(node.layouts, Layouts::kFollows);
}

TEST_P(CpuCostsTest, StridesThatCutPlanesApartCost) {
  const Extent input{1.0, 56.0 * 56.0, 32.0}, output{1.0, 28.0 * 28.0, 32.0};
  const CostNode strided = NodeOf(Depthwise(32, 2), input, output);
  const CostNode plain = NodeOf(Depthwise(32, 1), output);
  EXPECT_GT(strided.taken, 1.5 * plain.taken);
  EXPECT_LT(strided.left, 1.5 * plain.left);
}

TEST_P(CpuCostsTest, WhatIsJoinedIsWrittenInPlace) {
  GraphOp op;
  op.details = ConcatenationOp();
  const CostNode node = NodeOf(op, {1.0, 784.0, 64.0});
  EXPECT_LT(5.0 * node.taken, node.left);
}

// In front of a layer, a TRANSPOSE of the network's input costs its image's change of form, and a part.
TEST_P(CpuCostsTest, ATransposeBesideALayerIsTaken) {
  GraphOp transpose;
  for (const double pixels : {49.0, 112.0 * 112.0}) {
    const double side = std::sqrt(pixels);
    const Extent extent{1.0, pixels, 96.0}, channels_first{1.0, 96.0 * side, side};
    transpose.details = TransposeOp{{}, true};
    CostNode first = NodeOf(transpose, channels_first, extent);
    first.taken += first.taken_alone;
    transpose.details = TransposeOp{{}, false};
    CostNode last = NodeOf(transpose, extent, channels_first);
    last.taken += last.taken_alone;
    const CostGraph graph = Chain({first, Sparse(pixels, 96, 0.2), last}, extent);
    EXPECT_EQ(ClearlyCheapestChoice(graph, kClearGain), (Choice{true, true, true}));
  }
}

INSTANTIATE_TEST_SUITE_P(Processors, CpuCostsTest,
                         testing::Values(MultiplyAddCosts(), kTwoWideUnits));

// XNNPACK's multiply-adds of windows, and of many lanes, wait for their weights; those of blocks,
// which keep a tile of pixels at hand, do not.
TEST(MultiplyAddCostsTest, DenseWindowsGainOnTwoWideUnits) {
  const auto gain = [](const MultiplyAddCosts& multiply_adds, int kernel) {
    const GraphOp op = Conv(kernel, 64, 64);
    OpToRun run;
    run.op = &op;
    run.input = run.output = {1.0, 784.0, 64.0};
    CostNode node;
    MakeCpuCosts(multiply_adds)->SetCosts(run, &node);
    return node.left / node.taken;
  };
  EXPECT_GT(gain(kTwoWideUnits, 3), 1.2);
  EXPECT_LT(gain(kTwoWideUnits, 1), 1.1);
  EXPECT_LT(gain(MultiplyAddCosts(), 3), 1.1);
}

}  // namespace
}  // namespace ubp
