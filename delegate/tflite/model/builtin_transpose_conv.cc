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

Status ReadTransposeConv(const NodeView& node, GraphOp* op) {
  const builtin::TransposeConvParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(CheckRank(node.Input(kWeights), "filter", 4));
  const Dims filter = FileDims(*node.Input(kWeights));
  const Dims input = FileDims(*node.Input(kTransposed));
  const Dims output = FileDims(*node.Output());
  const bool same = params->padding == builtin::Padding::kSame;
  if (!same && params->padding != builtin::Padding::kValid) {
    return Status::Error("the padding is neither SAME nor VALID.");
  }
  UBP_RETURN_IF_ERROR(CheckRank(node.Output(), "output", 4));
  if (input[3] != filter[3] || output[3] != filter[0]) {
    return Status::Error("a filter of shape " + ToString(filter) + " from " + ToString(input) +
                         " to " + ToString(output) + ".");
  }
  Axis rows{}, columns{};
  UBP_RETURN_IF_ERROR(
      MakeAxis("height", filter[1], params->stride_h, same, input[1], output[1], &rows));
  UBP_RETURN_IF_ERROR(
      MakeAxis("width", filter[2], params->stride_w, same, input[2], output[2], &columns));
  const int64_t phases = int64_t{rows.stride} * columns.stride;
  const int64_t lanes = int64_t{rows.taps} * columns.taps * filter[3];
  UBP_RETURN_IF_ERROR(CheckRange("number of input channels", filter[3], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of output channels", filter[0], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(
      CheckRange("number of channels in a block", phases * filter[0], 1, kMaxChannels));
  UBP_RETURN_IF_ERROR(CheckRange("number of weights per output channel", lanes, 1, kMaxLanes));
  // Of the weights of all phases those that the kernel has: strides far beyond it would make a few
  // bytes of a file fill the memory.
  constexpr double kLeastShare = 1.0 / 16.0;
  const double share = static_cast<double>(filter[1]) * filter[2] /
                       (static_cast<double>(phases) * rows.taps * columns.taps);
  if (share < kLeastShare) {
    return Status::Error("a kernel of " + std::to_string(filter[1]) + " x " +
                         std::to_string(filter[2]) + " is too small for strides of " +
                         std::to_string(rows.stride) + " x " + std::to_string(columns.stride) +
                         ".");
  }
  const float* weights = nullptr;
  const float* bias = nullptr;
  UBP_RETURN_IF_ERROR(node.ReadFloats(
      kWeights, "filter", int64_t{filter[0]} * filter[1] * filter[2] * filter[3], &weights));
  UBP_RETURN_IF_ERROR(node.ReadBias(kTransposedBias, filter[0], &bias));
  UBP_RETURN_IF_ERROR(ReadActivation(params->activation, &op->activation));

  TransposeConv2DOp transposed;
  LayerAttributes& attributes = transposed.layer.attributes;
  attributes.in_channels = filter[3];
  attributes.out_channels = static_cast<int>(phases) * filter[0];
  attributes.kernel_h = rows.taps;
  attributes.kernel_w = columns.taps;
  attributes.padding = Padding::kValid;
  transposed.pads = {rows.pad_before, rows.pad_behind, columns.pad_before, columns.pad_behind};
  transposed.blocks.block_h = rows.stride;
  transposed.blocks.block_w = columns.stride;
  transposed.blocks.crop = {rows.crop_before, rows.crop_behind, columns.crop_before,
                            columns.crop_behind};
  transposed.layer.dense.weights =
      node.decoded()->Keep(WeightsOfPhases(weights, rows, columns, filter[0], filter[3]));
  transposed.layer.dense.groups = static_cast<int>(phases);
  transposed.layer.dense.share = share;
  if (bias != nullptr) {
    transposed.layer.dense.bias =
        node.decoded()->Keep(BiasOfPhases(bias, static_cast<int>(phases), filter[0]));
  }
  const TfLiteTensor* const shape = node.Input(kOutputShape);
  if (shape == nullptr) return Status::Error("the output shape is missing.");
  if (IsConstant(*shape)) {
    UBP_RETURN_IF_ERROR(node.ReadInts(kOutputShape, "output shape", 4, &transposed.blocks.output));
    const Dims& sizes = transposed.blocks.output;
    if (sizes[1] != output[1] || sizes[2] != output[2] || sizes[3] != output[3] || sizes[0] < 1) {
      return Status::Error("the output shape is " + ToString(sizes) +
                           ", but the output has shape " + ToString(output) + ".");
    }
  }  // else shape_nodes.h
  op->details = std::move(transposed);
  return Status::Ok();
}

constexpr BuiltinOp kOps[] = {{kTfLiteBuiltinTransposeConv, kThird, 4, 3, 4, &ReadTransposeConv}};

}  // namespace

BuiltinOps TransposeConvOps() { return {kOps, std::size(kOps)}; }

}  // namespace ubp
