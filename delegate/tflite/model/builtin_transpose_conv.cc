// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV, as a convolution whose channels are the pixels of blocks (TransposeConv2DOp).
//
// Along one axis, with stride s, kernel k and the padding p of the forward convolution: output y is the
// sum of input[i] * weight[y + p - i * s] over all i. With y + p = q * s + r that is
//
//   sum over j of input[q - j] * weight[r + j * s],   j in [0, taps),   taps = ceil(k / s)
//
// so that output r of block q is a convolution over taps pixels that end with pixel q, whose weights
// beyond the kernel are zero; the first p outputs, and those behind the last, are left out.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "delegate/tflite/model/builtin_readers.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

enum Inputs { kOutputShape = 0, kWeights = 1, kTransposed = 2, kTransposedBias = 3 };

// One axis of the above.
struct Axis {
  int kernel;
  int stride;
  int taps;        // of the convolution
  int pad_before;  // zeros around its input
  int pad_behind;
  int crop_before;  // outputs that are left out of the blocks
  int crop_behind;
};

// `input` and `output` are sizes in the file. Fails where they are not those of a convolution forward
// and backward.
Status MakeAxis(const std::string& what, int kernel, int stride, bool same, int input, int output,
                Axis* axis) {
  UBP_RETURN_IF_ERROR(CheckRange("kernel " + what, kernel, 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("stride of the " + what, stride, 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("input " + what, input, 1, kMaxWindow * kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("output " + what, output, 1, kMaxWindow * kMaxWindow));
  const int forward = same ? (output + stride - 1) / stride : (output - kernel + stride) / stride;
  if (forward != input) {
    return Status::Error("the input " + what + " is " + std::to_string(input) + ", expected " +
                         std::to_string(forward) + " for an output of " + std::to_string(output) +
                         ".");
  }
  const int reach = std::max(0, (forward - 1) * stride + kernel - output);
  const int padding = reach / 2;
  const int blocks = (output + padding + stride - 1) / stride;
  *axis = {kernel, stride, (kernel + stride - 1) / stride, 0, 0, padding, 0};
  axis->pad_before = axis->taps - 1;
  axis->pad_behind = std::max(0, blocks - input);
  axis->crop_behind = (input + axis->pad_behind) * stride - padding - output;
  return Status::Ok();
}

// weights [channels, kernel_h, kernel_w, in_channels] to
// [stride_h, stride_w, channels, taps_h, taps_w, in_channels].
std::vector<float> WeightsOfPhases(const float* weights, const Axis& rows, const Axis& columns,
                                   int channels, int in_channels) {
  std::vector<float> phases;
  phases.reserve(size_t{1} * rows.stride * columns.stride * channels * rows.taps * columns.taps *
                 in_channels);
  for (int r = 0; r < rows.stride * columns.stride * channels; ++r) {
    const int phase = r / channels;
    for (int tap = 0; tap < rows.taps * columns.taps; ++tap) {
      const int ky = phase / columns.stride + (rows.taps - 1 - tap / columns.taps) * rows.stride;
      const int kx =
          phase % columns.stride + (columns.taps - 1 - tap % columns.taps) * columns.stride;
      if (ky >= rows.kernel || kx >= columns.kernel) {
        phases.insert(phases.end(), in_channels, 0.0f);
        continue;
      }
      const float* const from =
          weights +
          ((int64_t{r % channels} * rows.kernel + ky) * columns.kernel + kx) * in_channels;
      phases.insert(phases.end(), from, from + in_channels);
    }
  }
  return phases;
}

std::vector<float> BiasOfPhases(const float* bias, int phases, int channels) {
  std::vector<float> repeated;
  for (int phase = 0; phase < phases; ++phase) {
    repeated.insert(repeated.end(), bias, bias + channels);
  }
  return repeated;
}

// Both axes and the filter's shape [channels, kernel_h, kernel_w, in_channels], which fit input and
// output.
struct Geometry {
  Axis rows{};
  Axis columns{};
  Dims filter;

  int64_t phases() const { return int64_t{rows.stride} * columns.stride; }
  int64_t taps() const { return int64_t{rows.taps} * columns.taps; }
  // Of the weights of all phases those that the kernel has.
  double share() const {
    return static_cast<double>(filter[1]) * filter[2] / static_cast<double>(phases() * taps());
  }
};

Status ReadGeometry(const NodeView& node, const builtin::TransposeConvParams& params,
                    Geometry* geometry) {
  UBP_RETURN_IF_ERROR(CheckRank(node.Input(kWeights), "filter", 4));
  UBP_RETURN_IF_ERROR(CheckRank(node.Output(), "output", 4));
  const Dims filter = geometry->filter = FileDims(*node.Input(kWeights));
  const Dims input = FileDims(*node.Input(kTransposed));
  const Dims output = FileDims(*node.Output());
  const bool same = params.padding == builtin::Padding::kSame;
  if (!same && params.padding != builtin::Padding::kValid) {
    return Status::Error("the padding is neither SAME nor VALID.");
  }
  if (input[3] != filter[3] || output[3] != filter[0]) {
    return Status::Error("a filter of shape " + ToString(filter) + " from " + ToString(input) +
                         " to " + ToString(output) + ".");
  }
  UBP_RETURN_IF_ERROR(
      MakeAxis("height", filter[1], params.stride_h, same, input[1], output[1], &geometry->rows));
  UBP_RETURN_IF_ERROR(
      MakeAxis("width", filter[2], params.stride_w, same, input[2], output[2], &geometry->columns));
  UBP_RETURN_IF_ERROR(CheckRange("number of input channels", filter[3], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of output channels", filter[0], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(
      CheckRange("number of channels in a block", geometry->phases() * filter[0], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of weights per output channel",
                                 geometry->taps() * filter[3], 1, kMaxLanes));
  // Strides far beyond the kernel would make a few bytes of a file fill the memory.
  constexpr double kLeastShare = 1.0 / 16.0;
  if (geometry->share() >= kLeastShare) return Status::Ok();
  return Status::Error("a kernel of " + std::to_string(filter[1]) + " x " +
                       std::to_string(filter[2]) + " is too small for strides of " +
                       std::to_string(params.stride_h) + " x " + std::to_string(params.stride_w) +
                       ".");
}

// The output shape, where it is constant: that of the output but for the batch.
Status ReadOutputShape(const NodeView& node, Dims* sizes) {
  const TfLiteTensor* const shape = node.Input(kOutputShape);
  if (shape == nullptr) return Status::Error("the output shape is missing.");
  if (!IsConstant(*shape)) return Status::Ok();  // shape_nodes.h
  UBP_RETURN_IF_ERROR(node.ReadInts(kOutputShape, "output shape", 4, sizes));
  const Dims output = FileDims(*node.Output());
  if (sizes->front() >= 1 && std::equal(sizes->begin() + 1, sizes->end(), output.begin() + 1)) {
    return Status::Ok();
  }
  return Status::Error("the output shape is " + ToString(*sizes) + ", but the output has shape " +
                       ToString(output) + ".");
}

// What does not depend on the weights.
TransposeConv2DOp MakeOp(const Geometry& geometry) {
  const auto& [rows, columns, filter] = geometry;
  TransposeConv2DOp op;
  LayerAttributes& attributes = op.layer.attributes;
  attributes.in_channels = filter[3];
  attributes.out_channels = static_cast<int>(geometry.phases()) * filter[0];
  attributes.kernel_h = rows.taps;
  attributes.kernel_w = columns.taps;
  attributes.padding = Padding::kValid;
  op.layer.dense.groups = static_cast<int>(geometry.phases());
  op.layer.dense.share = geometry.share();
  op.pads = {rows.pad_before, rows.pad_behind, columns.pad_before, columns.pad_behind};
  op.blocks.block_h = rows.stride;
  op.blocks.block_w = columns.stride;
  op.blocks.crop = {rows.crop_before, rows.crop_behind, columns.crop_before, columns.crop_behind};
  return op;
}

Status ReadTransposeConv(const NodeView& node, GraphOp* op) {
  const builtin::TransposeConvParams* params = nullptr;
  Geometry geometry;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(ReadGeometry(node, *params, &geometry));
  UBP_RETURN_IF_ERROR(ReadActivation(params->activation, &op->activation));
  const Dims& filter = geometry.filter;
  const float* weights = nullptr;
  const float* bias = nullptr;
  UBP_RETURN_IF_ERROR(node.ReadFloats(
      kWeights, "filter", int64_t{filter[0]} * filter[1] * filter[2] * filter[3], &weights));
  UBP_RETURN_IF_ERROR(node.ReadBias(kTransposedBias, filter[0], &bias));
  TransposeConv2DOp transposed = MakeOp(geometry);
  UBP_RETURN_IF_ERROR(ReadOutputShape(node, &transposed.blocks.output));
  DenseWeights& dense = transposed.layer.dense;
  dense.weights = node.decoded()->Keep(
      WeightsOfPhases(weights, geometry.rows, geometry.columns, filter[0], filter[3]));
  if (bias != nullptr) {
    dense.bias = node.decoded()->Keep(BiasOfPhases(bias, dense.groups, filter[0]));
  }
  op->details = std::move(transposed);
  return Status::Ok();
}

constexpr BuiltinOp kOps[] = {
    {kTfLiteBuiltinTransposeConv, kThird, 4, 3, 4, false, &ReadTransposeConv}};

}  // namespace

BuiltinOps TransposeConvOps() { return {kOps, std::size(kOps)}; }

}  // namespace ubp
