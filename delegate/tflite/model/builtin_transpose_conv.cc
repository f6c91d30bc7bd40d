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
#include "delegate/tflite/model/quantized_tensors.h"
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
// [stride_h, stride_w, phase_channels, taps_h, taps_w, in_channels], those of channels that there are
// not are zero.
template <class Weight>
std::vector<Weight> WeightsOfPhases(const Weight* weights, const Axis& rows, const Axis& columns,
                                    int channels, int phase_channels, int in_channels) {
  std::vector<Weight> phases;
  phases.reserve(size_t{1} * rows.stride * columns.stride * phase_channels * rows.taps *
                 columns.taps * in_channels);
  for (int r = 0; r < rows.stride * columns.stride * phase_channels; ++r) {
    const int phase = r / phase_channels;
    const int channel = r % phase_channels;
    for (int tap = 0; tap < rows.taps * columns.taps; ++tap) {
      const int ky = phase / columns.stride + (rows.taps - 1 - tap / columns.taps) * rows.stride;
      const int kx =
          phase % columns.stride + (columns.taps - 1 - tap % columns.taps) * columns.stride;
      if (ky >= rows.kernel || kx >= columns.kernel || channel >= channels) {
        phases.insert(phases.end(), in_channels, Weight{0});
        continue;
      }
      const Weight* const from =
          weights + ((int64_t{channel} * rows.kernel + ky) * columns.kernel + kx) * in_channels;
      phases.insert(phases.end(), from, from + in_channels);
    }
  }
  return phases;
}

// [channels] for each of `phases`, [phases, phase_channels], with `rest` for channels that there are
// not.
template <class Value>
std::vector<Value> RepeatForPhases(const Value* values, int phases, int channels,
                                   int phase_channels, Value rest) {
  std::vector<Value> repeated;
  for (int phase = 0; phase < phases; ++phase) {
    repeated.insert(repeated.end(), values, values + channels);
    repeated.insert(repeated.end(), phase_channels - channels, rest);
  }
  return repeated;
}

// Both axes and the filter's shape [channels, kernel_h, kernel_w, in_channels], which fit input and
// output.
struct Geometry {
  Axis rows{};
  Axis columns{};
  Dims filter;
  int unused = 0;  // channels of each phase beyond the filter's

  int phase_channels() const { return filter[0] + unused; }
  int64_t weights() const { return int64_t{filter[0]} * filter[1] * filter[2] * filter[3]; }
  int64_t phases() const { return int64_t{rows.stride} * columns.stride; }
  int64_t taps() const { return int64_t{rows.taps} * columns.taps; }
  // Of the weights of all phases those that the kernel has.
  double share() const {
    return static_cast<double>(filter[0]) * filter[1] * filter[2] /
           (static_cast<double>(phases() * taps()) * phase_channels());
  }
};

Status ReadGeometry(const NodeView& node, const builtin::TransposeConvParams& params, bool is_int8,
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
  // Whole quads, of which the planes of int8 tensors are made.
  if (is_int8) geometry->unused = (4 - filter[0] % 4) % 4;
  UBP_RETURN_IF_ERROR(CheckRange("number of input channels", filter[3], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of output channels", filter[0], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of channels in a block",
                                 geometry->phases() * geometry->phase_channels(), 1, kMaxChannels));
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
  const auto& [rows, columns, filter, unused] = geometry;
  TransposeConv2DOp op;
  LayerAttributes& attributes = op.layer.attributes;
  attributes.in_channels = filter[3];
  attributes.out_channels = static_cast<int>(geometry.phases()) * geometry.phase_channels();
  attributes.kernel_h = rows.taps;
  attributes.kernel_w = columns.taps;
  attributes.padding = Padding::kValid;
  op.layer.dense.groups = static_cast<int>(geometry.phases());
  op.layer.dense.share = geometry.share();
  op.pads = {rows.pad_before, rows.pad_behind, columns.pad_before, columns.pad_behind};
  op.blocks.block_h = rows.stride;
  op.blocks.block_w = columns.stride;
  op.blocks.unused = unused;
  op.blocks.crop = {rows.crop_before, rows.crop_behind, columns.crop_before, columns.crop_behind};
  return op;
}

Status ReadFloatWeights(const NodeView& node, const Geometry& geometry, LayerWeights* layer) {
  const int channels = geometry.filter[0];
  const float* weights = nullptr;
  const float* bias = nullptr;
  UBP_RETURN_IF_ERROR(node.ReadFloats(kWeights, "filter", geometry.weights(), &weights));
  UBP_RETURN_IF_ERROR(node.ReadBias(kTransposedBias, channels, &bias));
  DenseWeights& dense = layer->dense;
  dense.weights = node.decoded()->Keep(WeightsOfPhases(weights, geometry.rows, geometry.columns,
                                                       channels, channels, geometry.filter[3]));
  if (bias != nullptr) {
    dense.bias =
        node.decoded()->Keep(RepeatForPhases(bias, dense.groups, channels, channels, 0.0f));
  }
  return Status::Ok();
}

Status ReadInt8Weights(const NodeView& node, const Geometry& geometry, LayerWeights* layer) {
  const int channels = geometry.filter[0];
  const int phases = layer->dense.groups;
  const int8_t* weights = nullptr;
  const int32_t* bias = nullptr;
  std::vector<float> scales;
  UBP_RETURN_IF_ERROR(node.ReadInt8(kWeights, "filter", geometry.weights(), &weights));
  UBP_RETURN_IF_ERROR(ReadWeightScales(*node.Input(kWeights), "filter", channels, 0, &scales));
  UBP_RETURN_IF_ERROR(CheckRequantization(node, kTransposed, scales));
  UBP_RETURN_IF_ERROR(node.ReadInt32Bias(kTransposedBias, channels, &bias));
  Int8Weights& int8 = layer->int8;
  int8.weights =
      node.decoded()->Keep(WeightsOfPhases(weights, geometry.rows, geometry.columns, channels,
                                           geometry.phase_channels(), geometry.filter[3]));
  int8.scales =
      RepeatForPhases(scales.data(), phases, channels, geometry.phase_channels(), scales[0]);
  if (bias != nullptr) {
    int8.bias =
        node.decoded()->Keep(RepeatForPhases(bias, phases, channels, geometry.phase_channels(), 0));
  }
  return Status::Ok();
}

// XNNPACK takes all others, and the interpreter's own kernel rounds otherwise.
Status CheckTakenByXnnpack(const NodeView& node, const builtin::TransposeConvParams& params,
                           const Dims& filter) {
  const TfLiteTensor* const shape = node.Input(kOutputShape);
  if (shape != nullptr && !IsConstant(*shape)) {
    return Status::Error("an int8 op whose output shape is computed, as of a batch left open.");
  }
  const bool reaches = filter[1] >= params.stride_h && filter[2] >= params.stride_w;
  if (params.padding == builtin::Padding::kValid || reaches) return Status::Ok();
  return Status::Error("an int8 kernel of " + std::to_string(filter[1]) + " x " +
                       std::to_string(filter[2]) + " with strides of " +
                       std::to_string(params.stride_h) + " x " + std::to_string(params.stride_w) +
                       " and SAME padding.");
}

Status ReadTransposeConv(const NodeView& node, GraphOp* op) {
  const builtin::TransposeConvParams* params = nullptr;
  Geometry geometry;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(ReadGeometry(node, *params, op->is_int8(), &geometry));
  UBP_RETURN_IF_ERROR(ReadActivation(params->activation, &op->activation));
  TransposeConv2DOp transposed = MakeOp(geometry);
  if (op->is_int8()) {
    UBP_RETURN_IF_ERROR(CheckTakenByXnnpack(node, *params, geometry.filter));
    UBP_RETURN_IF_ERROR(ReadInt8Weights(node, geometry, &transposed.layer));
  } else {
    UBP_RETURN_IF_ERROR(ReadFloatWeights(node, geometry, &transposed.layer));
  }
  UBP_RETURN_IF_ERROR(ReadOutputShape(node, &transposed.blocks.output));
  op->details = std::move(transposed);
  return Status::Ok();
}

constexpr BuiltinOp kOps[] = {
    {kTfLiteBuiltinTransposeConv, kThird, 4, 3, 4, true, &ReadTransposeConv}};

}  // namespace

BuiltinOps TransposeConvOps() { return {kOps, std::size(kOps)}; }

}  // namespace ubp
