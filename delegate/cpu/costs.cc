// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/costs.h"

#include <algorithm>
#include <variant>

#include "delegate/cpu/int8_costs.h"
#include "delegate/cpu/layer_costs.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/format/constants.h"

namespace ubp {
namespace {

// All constants are in the time of one multiply-add of XNNPACK's dense convolution on the machine they
// were measured on first, 0.018 ns: x86-64 with AVX-512, one thread. Other instruction sets and more
// threads change the times of both sides much alike; the same constants serve for them, but for those
// of multiply-adds (layer_costs.h).
//
// Those of parts, nodes and layouts are fitted to random chains (python/bench/chains), of which the
// inferences of several choices took turns: to the logarithms of the choices' times over XNNPACK's.
// Those of windows, functions, resizing and dense layers are of single operators (python/bench/operators).

// One element of a tensor of several pixels: an image made planes, planes made an image; and what
// there is for each plane, however small.
constexpr double kToPlanes = 12.0;
constexpr double kToImage = 23.0;
constexpr double kPlane = 250.0;
// The same of int8, of which four elements move at a time.
constexpr double kInt8ToPlanes = 2.25;
constexpr double kInt8ToImage = 4.75;
constexpr double kInt8Plane = 75.0;
// Tensors of so many floats come from the third cache, or from memory. What it costs more to read or
// write an element of one: XNNPACK; the delegate, which passes much on before it leaves the first
// cache; and where a tensor changes its form.
constexpr double kFarElements = 150e3;
constexpr double kFarOfXnnpack = 1.8;
constexpr double kFar = 0.75;
constexpr double kFarConversion = 7.0;
// Calling one part, and what the delegate's costs more; one node, in XNNPACK and in the delegate.
constexpr double kPart = 6.5e3;
constexpr double kTakenPart = 17e3;
constexpr double kNodeOfXnnpack = 3.4e3;
constexpr double kNode = 9.5e3;

// What converting assumes by default.
constexpr BlockCosts kBlockCosts = {constants::kBlockCosts, constants::kSingleCosts,
                                    constants::kTransposeCost, constants::kTile};

// One tap of a depthwise convolution and element of the output; XNNPACK's has kernels of its own for
// up to so many taps, and for up to many, but none for more: a tap of 7x7 takes ten times as long. With
// strides, rows are computed one by one.
constexpr double kTap = 1.2;
constexpr double kTapAbove = 1.6;
constexpr double kTapOfStrides = 2.3;
constexpr double kTapOfXnnpack = 2.25;
constexpr double kTapOfXnnpackAbove = 2.5;
constexpr double kTapOfXnnpackFarAbove = 20.0;
constexpr int kFewTaps = 9;
constexpr int kManyTaps = 25;

// Pooling: an element of the output, and for each tap of the window. Where rows are reduced before
// columns, at all pixels, an element of input and output; of large windows at most; and a plane.
// XNNPACK's is for each element of the output, and tap.
constexpr double kWindowElement = 1.0;
constexpr double kWindowTap = 1.0;
constexpr double kWindowTapOfStrides = 3.0;
constexpr double kPoolElement = 7.5;
constexpr double kPoolTap = 1.1;
constexpr double kLargePoolElement = 40.0;
constexpr double kPoolPlane = 2000.0;
constexpr double kMaxPoolOfXnnpack = 12.0;
constexpr double kMaxPoolTapOfXnnpack = 3.1;
constexpr double kAveragePoolOfXnnpack = 20.0;
constexpr double kAveragePoolTapOfXnnpack = 1.5;

// An element and a row of [batch, channels, height, width] that become those of planes, or back; and an
// element in XNNPACK, which moves each by itself.
constexpr double kRowElement = 3.7;
constexpr double kRow = 75.0;
constexpr double kTransposeOfXnnpack = 12.0;

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
      return is_sum ? PerElement{1.5, 13.0, 6.0, 0.0} : PerElement{4.0, 12.0, 0.0, 0.0};
    case Operand::kVector:
      return {4.0, 11.5, 0.0, 0.0};
    case Operand::kConstant:
      return {0.0, 6.0, 6.0, 0.0};
  }
  return {};
}

PerElement CostOfFunction(Elementwise function) {
  switch (function) {
    case Elementwise::kLeakyRelu:
      return {2.5, 6.0, 2.0, 0.0};
    case Elementwise::kElu:
      return {10.0, 11.0, 2.0, 0.0};
    case Elementwise::kHardSwish:
      return {3.0, 6.0, 2.0, 0.0};
    case Elementwise::kGelu:
      return {16.0, 16.0, 2.0, 0.0};
    case Elementwise::kGeluTanh:
      return {15.0, 18.0, 2.0, 0.0};
    case Elementwise::kTanh:
      return {13.0, 13.0, 2.0, 0.0};
    case Elementwise::kExp:
      return {13.0, 12.5, 2.0, 0.0};
    case Elementwise::kLog:  // fused, it is a part of softplus, which hardly takes longer than EXP
      return {9.0, 16.0, 13.0, 0.0};
    default:  // LOGISTIC
      return {11.5, 10.5, 2.0, 0.0};
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

// Of a window over planes: the values that are computed for one of the output.
double WindowShare(const OpToRun& op) {
  // At stride 1 one vector more is read, whose columns are added to those of the last one.
  const bool by_rows = !AttributesOf(*op.op).unit_stride();
  const double pixels = by_rows ? PixelsComputedByRows(op) : PixelsComputed(op) + constants::kTile;
  return pixels / std::max(1.0, op.output.pixels);
}

void SetPool(PoolKind kind, const OpToRun& op, CostNode* node) {
  const LayerAttributes& attributes = AttributesOf(*op.op);
  const int taps = attributes.taps();
  const bool unpadded =
      attributes.padding == Padding::kValid ||
      (attributes.kernel_h <= attributes.stride_h && attributes.kernel_w <= attributes.stride_w);
  if (taps <= kFewTaps && (unpadded || kind == PoolKind::kAverage)) {
    const double tap = attributes.unit_stride() ? kWindowTap : kWindowTapOfStrides;
    node->taken = (kWindowElement + tap * taps) * WindowShare(op) * op.output.elements();
  } else {
    const double element = std::min(kPoolElement + kPoolTap * taps, kLargePoolElement);
    const double elements = (op.input.elements() + op.output.elements()) / 2.0;
    node->taken = element * elements + kPoolPlane * op.output.planes();
  }
  const double left = kind == PoolKind::kMax
                          ? kMaxPoolOfXnnpack + kMaxPoolTapOfXnnpack * taps
                          : kAveragePoolOfXnnpack + kAveragePoolTapOfXnnpack * taps;
  node->left = left * op.output.elements();
}

// Of an image [batch, channels, height, width], whose rows an extent has as pixels.
double CostOfRows(const Extent& channels_first) {
  return kRowElement * channels_first.elements() +
         kRow * channels_first.batch * channels_first.pixels;
}

double FarElements(const Extent& extent) {
  return extent.elements() >= kFarElements ? extent.elements() : 0.0;
}

// Of all that an op reads and writes: what is joined is as large as the output together.
double FarElements(const OpToRun& op) {
  const bool joined = op.op->type() == OpType::kConcatenation;
  const bool two = op.op->If<ArithmeticOp>() != nullptr && op.operand == Operand::kFull;
  const double read = FarElements(joined ? op.output : op.input) * (two ? 2.0 : 1.0);
  return read + FarElements(op.output);
}

// The costs of each kind of op, in float32.
class NodeCosts {
 public:
  NodeCosts(const OpToRun& op, const MultiplyAddCosts& multiply_adds, CostNode* node)
      : op_(op), multiply_adds_(multiply_adds), node_(node) {}

  void operator()(const Conv2DOp&) const { SetLayerCosts(op_, multiply_adds_, node_); }
  void operator()(const FullyConnectedOp&) const { SetLayerCosts(op_, multiply_adds_, node_); }
  void operator()(const DepthwiseConv2DOp& kind) const {
    const int taps = kind.attributes.taps();
    const double left = taps <= kFewTaps    ? kTapOfXnnpack
                        : taps <= kManyTaps ? kTapOfXnnpackAbove
                                            : kTapOfXnnpackFarAbove;
    const double taken = !kind.attributes.unit_stride() ? kTapOfStrides
                         : taps <= kFewTaps             ? kTap
                                                        : kTapAbove;
    SetPerElement({taken * taps * WindowShare(op_), left * taps, 0.0, 0.0}, op_.output, node_);
  }
  void operator()(const Pool2DOp& kind) const { SetPool(kind.kind, op_, node_); }
  void operator()(const MeanOp& kind) const {
    SetPerElement({5.0, 1.9, 0.0, 0.0}, op_.input, node_);
    if (kind.channels_first) node_->taken += CostOfRows(op_.input);
  }
  void operator()(const TransposeOp& kind) const {
    const Extent& channels_first = kind.to_nhwc ? op_.input : op_.output;
    node_->left = kTransposeOfXnnpack * channels_first.elements();
    node_->taken_alone = CostOfRows(channels_first);
  }
  void operator()(const PadOp&) const { SetPerElement({0.0, 1.0, 10.0, 15.0}, op_.output, node_); }
  void operator()(const ReshapeOp&) const {
    SetPerElement({1.0, 1.0, 0.0, 0.0}, op_.output, node_);
  }
  void operator()(const ConcatenationOp&) const {
    SetPerElement({1.2, 23.0, 0.0, 0.0}, op_.output, node_);
  }
  void operator()(const SoftmaxOp&) const {
    SetPerElement({30.0, 30.0, 0.0, 0.0}, op_.output, node_);
  }
  // XNNPACK's are the nodes that it is made of.
  void operator()(const LayerNormOp&) const {
    SetPerElement({20.0, 65.0, 0.0, 0.0}, op_.output, node_);
  }
  void operator()(const ArithmeticOp& kind) const {
    if (op_.operand == Operand::kVector) node_->layouts = Layouts::kPlanes;
    SetPerElement(CostOfArithmetic(kind.function, op_.operand), op_.output, node_);
  }
  void operator()(const ClampOp&) const { SetPerElement({0.0, 0.0, 6.2, 8.0}, op_.output, node_); }
  void operator()(const FunctionOp& kind) const {
    SetPerElement(CostOfFunction(kind.function.function), op_.output, node_);
  }
  void operator()(const ResizeOp& kind) const {
    const bool bilinear = kind.kind == ResizeKind::kBilinear;
    SetPerElement({bilinear ? 11.0 : 15.0, bilinear ? 17.0 : 15.0, 0.0, 0.0}, op_.output, node_);
  }
  void operator()(const DepthToSpaceOp&) const {
    SetPerElement({7.0, 10.0, 0.0, 0.0}, op_.output, node_);
  }
  void operator()(const TransposeConv2DOp& kind) const {
    // XNNPACK computes no zeros of phases that have fewer taps, and has no blocks to lay out.
    OpToRun conv = op_;
    conv.output.pixels /= kind.blocks.block_h * kind.blocks.block_w;
    conv.output.channels *= kind.blocks.block_h * kind.blocks.block_w;
    SetLayerCosts(conv, multiply_adds_, node_);
    node_->taken += 7.0 * op_.output.elements();
  }
  // Is of int8 only (int8_costs.h).
  void operator()(const RequantizeOp&) const {}
  void operator()(const SpaceToDepthOp&) const {
    SetPerElement({7.0, 10.0, 0.0, 0.0}, op_.output, node_);
  }

 private:
  const OpToRun& op_;
  const MultiplyAddCosts& multiply_adds_;
  CostNode* node_;
};

class CpuCostModel : public CostModel {
 public:
  explicit CpuCostModel(const MultiplyAddCosts& multiply_adds) : multiply_adds_(multiply_adds) {}

  const BlockCosts& blocks() const override { return kBlockCosts; }
  const BlockCosts& int8_blocks() const override { return kInt8BlockCosts; }

  void SetCosts(const OpToRun& op, CostNode* node) const override {
    node->layouts = CpuOpOf(*op.op).layouts;
    if (op.op->is_int8()) {
      SetInt8Costs(op, node);
    } else {
      std::visit(NodeCosts(op, multiply_adds_, node), op.op->details);
      node->taken += kFar * FarElements(op);
      node->left += kFarOfXnnpack * FarElements(op);
    }
    node->taken += kNode;
    node->left += kNodeOfXnnpack;
  }

  CostTensor CostOfTensor(const Extent& extent, ElementType elements) const override {
    if (extent.pixels == 1.0) return {};  // a vector is the same in all forms
    CostTensor tensor;
    if (elements == ElementType::kInt8) {
      tensor.to_planes = kInt8ToPlanes * extent.elements() + kInt8Plane * extent.planes();
      tensor.to_image = kInt8ToImage * extent.elements();
    } else {
      const double far = kFarConversion * FarElements(extent);
      tensor.to_planes = kToPlanes * extent.elements() + kPlane * extent.planes() + far;
      tensor.to_image = kToImage * extent.elements() + far;
    }
    return tensor;
  }

  void SetCostsOfParts(CostGraph* graph) const override {
    graph->part = kPart;
    graph->taken_part = kTakenPart;
  }

 private:
  const MultiplyAddCosts multiply_adds_;
};

}  // namespace

std::unique_ptr<const CostModel> MakeCpuCosts(const MultiplyAddCosts& multiply_adds) {
  return std::make_unique<CpuCostModel>(multiply_adds);
}

const CostModel& CpuCosts() {
  static const CpuCostModel costs(MultiplyAddsHere());
  return costs;
}

}  // namespace ubp
