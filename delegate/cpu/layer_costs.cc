// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/layer_costs.h"

#include <algorithm>
#include <cmath>

#include "delegate/format/constants.h"

namespace ubp {
namespace {

// One element and one channel of an image that a convolution makes planes of: a pointwise one, if
// it writes planes, and one with a window, whose planes strides cut apart.
constexpr double kImageToPointwise = 16.0;
constexpr double kChannelToPointwise = 1250.0;
constexpr double kImageToWindow = 14.0;
constexpr double kImageToStrides = 35.0;
constexpr double kChannelToWindow = 2000.0;
// One element of planes that strides cut apart.
constexpr double kPlanesToStrides = 15.0;
// An element of the output of a block-sparse layer, beside its blocks.
constexpr double kSparseOutput = 1.5;
// Channels that XNNPACK computes together: of pointwise layers and few channels, and of others.
constexpr double kChannels = 16.0;
constexpr double kChannelsOfWindow = 32.0;
// Of pointwise layers: the most lanes with which the weights of channels computed together stay in
// the first cache.
constexpr double kNearLanes = 512.0;
// A weight of a layer of one pixel, which comes from memory.
constexpr double kWeight = 5.0;
constexpr double kWeightOfXnnpack = 3.0;
// Pixels that are computed together: XNNPACK's, and by the delegate's dense convolutions at least.
constexpr double kPixelsOfXnnpack = 7.0;
using constants::kTile;

double RoundUp(double number, double multiple) { return std::ceil(number / multiple) * multiple; }

// Of height and width only the product is known here.
double WidthOf(const Extent& square) { return std::sqrt(std::max(1.0, square.pixels)); }

// What a convolution pays for an image that it reads.
void SetFromImage(const OpToRun& op, CostNode* node) {
  if (op.input.pixels == 1.0) return;
  const LayerAttributes& attributes = AttributesOf(*op.op);
  if (attributes.taps() == 1) {
    node->image_to_planes =
        kImageToPointwise * op.input.elements() + kChannelToPointwise * op.input.planes();
    return;
  }
  const double element = attributes.unit_stride() ? kImageToWindow : kImageToStrides;
  node->from_image = element * op.input.elements() + kChannelToWindow * op.input.planes();
}

double CostInXnnpack(const OpToRun& op, const MultiplyAddCosts& multiply_adds) {
  const LayerAttributes& attributes = AttributesOf(*op.op);
  const double pixels = RoundUp(op.output.batch * op.output.pixels, kPixelsOfXnnpack);
  const double channels = attributes.out_channels;
  const bool pointwise = attributes.taps() == 1;
  const double together = pointwise || channels <= kChannels ? kChannels : kChannelsOfWindow;
  const double groups = std::ceil(channels / together);
  const bool near = pointwise && attributes.lanes() <= kNearLanes;
  const double multiply_add = near ? multiply_adds.left : multiply_adds.left_far;
  const double of_tap = pointwise ? 0.0 : multiply_adds.left_tap * attributes.taps();
  const double of_group = multiply_add * attributes.lanes() * together + of_tap;
  return pixels * groups * of_group * LayerOf(*op.op)->dense.share +
         multiply_adds.left_output * op.output.elements();
}

#if defined(__x86_64__)
bool HasTwoWideUnits() { return __builtin_cpu_is("intel") && __builtin_cpu_supports("avx512f"); }
#else
bool HasTwoWideUnits() { return false; }
#endif

}  // namespace

double PixelsComputed(const OpToRun& op) {
  const double between_rows = std::max(1, AttributesOf(*op.op).kernel_w / 2);
  return RoundUp(op.output.pixels + (WidthOf(op.output) - 1.0) * between_rows, kTile);
}

double PixelsComputedByRows(const OpToRun& op) {
  const double width = WidthOf(op.output);
  return RoundUp(width, kTile) * (op.output.pixels / width);
}

const MultiplyAddCosts& MultiplyAddsHere() {
  static const MultiplyAddCosts costs = HasTwoWideUnits() ? kTwoWideUnits : MultiplyAddCosts();
  return costs;
}

void SetLayerCosts(const OpToRun& op, const MultiplyAddCosts& multiply_adds, CostNode* node) {
  const double pixels = op.output.batch * op.output.pixels;
  const double lanes = AttributesOf(*op.op).lanes();
  const double channels = AttributesOf(*op.op).out_channels;
  if (pixels == 1.0) {
    node->left = kWeightOfXnnpack * lanes * channels;
    node->taken = kWeight * (op.blocks ? *op.blocks : lanes * channels);
    return;
  }
  node->left = CostInXnnpack(op, multiply_adds);
  if (op.blocks) {
    node->taken = multiply_adds.taken * *op.blocks + kSparseOutput * op.output.elements();
  } else {
    node->taken = multiply_adds.taken * PixelsComputed(op) * op.output.batch * lanes * channels +
                  multiply_adds.dense_output * op.output.elements();
  }
  if (AttributesOf(*op.op).taps() > 1 && !AttributesOf(*op.op).unit_stride()) {
    node->taken += kPlanesToStrides * op.input.elements();
  }
  if (node->layouts == Layouts::kEither) SetFromImage(op, node);
}

}  // namespace ubp
