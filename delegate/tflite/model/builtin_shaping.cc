// SPDX-License-Identifier: Apache-2.0
// Operators that rearrange or reduce.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include "delegate/tflite/model/builtin_readers.h"
#include "delegate/tflite/model/quantized_tensors.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// [batch, 1, 1, channels] or [batch, channels, 1, 1], and [batch, channels].
bool SameButForOnes(const Dims& image, const Dims& flat) {
  return image.size() == 4 && flat.size() == 2 && image[0] == flat[0] && image[2] == 1 &&
         ((image[1] == 1 && image[3] == flat[1]) || (image[1] == flat[1] && image[3] == 1));
}

// Of one of these shapes: as what the file has, but that the batch may be open.
bool HasChannelsOf(const Dims& sizes, const Dims& file) {
  const size_t axis = file.size() == 4 && file[3] == 1 ? 1 : file.size() - 1;
  return sizes[axis] == file[axis];
}

Status ReadMean(const NodeView& node, GraphOp* op) {
  const builtin::MeanParams* params = nullptr;
  std::vector<int32_t> axes;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(node.ReadInts(kConstantInput, "list of axes", 2, &axes));
  Dims from_front = axes;
  for (int& axis : from_front) axis += axis < 0 ? 4 : 0;
  std::sort(from_front.begin(), from_front.end());
  const bool channels_first = from_front == Dims{2, 3} && !op->is_int8();
  if (from_front != Dims{1, 2} && !channels_first) {
    return Status::Error("MEAN over the axes " + ToString(axes) + ", not over height and width.");
  }
  op->details = MeanOp{{}, params->keep_dims != 0, channels_first};
  return Status::Ok();
}

constexpr int kPadValueInput = 2;  // of PADV2

// What PADV2 puts around an image: see PadOp::value.
Status ReadPadValue(const NodeView& node, const GraphOp& op, float* value) {
  constexpr char kWhat[] = "padding value";
  if (!op.is_int8()) {
    const float* number = nullptr;
    UBP_RETURN_IF_ERROR(node.ReadFloats(kPadValueInput, kWhat, 1, &number));
    *value = *number;
    return Status::Ok();
  }
  const int8_t* number = nullptr;
  Quantization quantization;
  UBP_RETURN_IF_ERROR(node.ReadInt8(kPadValueInput, kWhat, 1, &number));
  UBP_RETURN_IF_ERROR(CheckSameQuantization(node, {kPadValueInput}, op));
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Output(), "output", &quantization));
  const int steps = *number - quantization.zero_point;
  const bool is_least = *number == std::numeric_limits<int8_t>::min() && steps != 0;
  *value = is_least ? -std::numeric_limits<float>::infinity() : static_cast<float>(steps);
  return Status::Ok();
}

// PAD or PADV2.
Status ReadPad(const NodeView& node, GraphOp* op) {
  UBP_RETURN_IF_ERROR(CheckSameQuantization(node, {kActivationInput}, *op));
  std::vector<int32_t> pads;  // [4 axes][before, after]
  UBP_RETURN_IF_ERROR(node.ReadInts(kConstantInput, "table of paddings", 8, &pads));
  if (pads[0] != 0 || pads[1] != 0 || pads[6] != 0 || pads[7] != 0) {
    return Status::Error("PAD of batch or channels by " + ToString(pads) + ".");
  }
  for (const int32_t pad : pads) {
    UBP_RETURN_IF_ERROR(CheckRange("padding", pad, 0, kMaxWindow));
  }
  PadOp pad{{}, {pads[2], pads[3], pads[4], pads[5]}};
  if (node.num_inputs() > kPadValueInput) {
    UBP_RETURN_IF_ERROR(ReadPadValue(node, *op, &pad.value));
  }
  op->details = pad;
  return Status::Ok();
}

Status ReadReshape(const NodeView& node, GraphOp* op) {
  const Dims input = FileDims(*node.Input(kActivationInput));
  const Dims output = FileDims(*node.Output());
  if (!SameButForOnes(input, output) && !SameButForOnes(output, input)) {
    return Status::Error("RESHAPE of " + ToString(input) + " to " + ToString(output) + ".");
  }
  const TfLiteTensor* shape = node.Input(kConstantInput);
  op->details = ReshapeOp();
  Dims& dims = std::get<ReshapeOp>(op->details).dims;
  if (shape != nullptr && !IsConstant(*shape)) return Status::Ok();  // shape_nodes.h
  const int rank = static_cast<int>(output.size());
  if (shape != nullptr) {
    UBP_RETURN_IF_ERROR(node.ReadInts(kConstantInput, "shape", rank, &dims));
  } else {
    const builtin::ReshapeParams* params = nullptr;
    UBP_RETURN_IF_ERROR(ReadParams(node, &params));
    UBP_RETURN_IF_ERROR(CheckRange("number of sizes", params->num_sizes, rank, rank));
    dims.assign(params->sizes, params->sizes + rank);
  }
  // [1, -1] would move the rows of a larger batch into the channels.
  const auto open = std::count(dims.begin(), dims.end(), kRestOfElements);
  const int least = *std::min_element(dims.begin(), dims.end());
  if (HasChannelsOf(dims, output) && open <= 1 && least >= kRestOfElements) {
    return Status::Ok();
  }
  return Status::Error("RESHAPE to " + ToString(dims) + ".");
}

Status ReadTranspose(const NodeView& node, GraphOp* op) {
  std::vector<int32_t> order;
  UBP_RETURN_IF_ERROR(node.ReadInts(kConstantInput, "order of axes", 4, &order));
  const bool to_nhwc = order == Dims{0, 2, 3, 1};
  if (!to_nhwc && order != Dims{0, 3, 1, 2}) {
    return Status::Error("TRANSPOSE to the order " + ToString(order) +
                         ", which moves other axes than the channels.");
  }
  op->details = TransposeOp{{}, to_nhwc};
  return Status::Ok();
}

Status ReadConcatenation(const NodeView& node, GraphOp* op) {
  const builtin::ConcatenationParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  if (params->activation != builtin::Activation::kNone) {
    return Status::Error("CONCATENATION with a fused activation.");
  }
  std::vector<Dims> inputs;
  for (int i = 0; i < node.num_inputs(); ++i) inputs.push_back(FileDims(*node.Input(i)));
  std::vector<int> places(node.num_inputs());
  std::iota(places.begin(), places.end(), 0);
  UBP_RETURN_IF_ERROR(CheckSameQuantization(node, places, *op));
  op->details = ConcatenationOp{{}, params->axis};
  const int rank = static_cast<int>(inputs[0].size());
  if (params->axis != -1 && params->axis != rank - 1) {
    return Status::Error("CONCATENATION along axis " + std::to_string(params->axis) + " of " +
                         std::to_string(rank) + ", not the last one.");
  }
  Dims output;
  UBP_RETURN_IF_ERROR(ConcatenationDims(inputs, params->axis, &output));
  return CheckRange("number of output channels", output.back(), 1, kMaxChannels);
}

// The interpreter computes nothing else.
Status CheckSoftmaxScale(const NodeView& node) {
  Quantization output;
  UBP_RETURN_IF_ERROR(ReadQuantization(*node.Output(), "output", &output));
  if (output == Quantization{1.0f / 256.0f, -128}) return Status::Ok();
  return Status::Error("an int8 output with the scale " + std::to_string(output.scale) +
                       " and the zero point " + std::to_string(output.zero_point) +
                       ", expected 1/256 and -128.");
}

Status ReadSoftmax(const NodeView& node, GraphOp* op) {
  const builtin::SoftmaxParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  if (!std::isfinite(params->beta) || params->beta <= 0.0f) {
    return Status::Error("the beta is " + std::to_string(params->beta) +
                         ", expected a positive number.");
  }
  if (op->is_int8()) UBP_RETURN_IF_ERROR(CheckSoftmaxScale(node));
  op->details = SoftmaxOp{{}, params->beta};
  return Status::Ok();
}

template <ResizeKind kKind>
Status ReadResize(const NodeView& node, GraphOp* op) {
  const builtin::ResizeParams* params = nullptr;
  std::vector<int32_t> size;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(node.ReadInts(kConstantInput, "size", 2, &size));
  UBP_RETURN_IF_ERROR(CheckRange("height of the output", size[0], 1, kMaxWindow));
  UBP_RETURN_IF_ERROR(CheckRange("width of the output", size[1], 1, kMaxWindow));
  const bool align_corners = params->align_corners != 0;
  const bool half_pixel_centers = params->half_pixel_centers != 0;
  // The runtime refuses both together in the bilinear one.
  if (align_corners && half_pixel_centers) {
    return Status::Error("a resize with both aligned corners and half-pixel centers.");
  }
  UBP_RETURN_IF_ERROR(CheckSameQuantization(node, {kActivationInput}, *op));
  op->details = ResizeOp{{}, kKind, size[0], size[1], align_corners, half_pixel_centers};
  return Status::Ok();
}

void SetBlock(int block, DepthToSpaceOp* op) { op->block_h = op->block_w = block; }
void SetBlock(int block, SpaceToDepthOp* op) { op->block = block; }

// DEPTH_TO_SPACE or SPACE_TO_DEPTH.
template <class Kind>
Status ReadBlocks(const NodeView& node, GraphOp* op) {
  const builtin::BlockParams* params = nullptr;
  UBP_RETURN_IF_ERROR(ReadParams(node, &params));
  UBP_RETURN_IF_ERROR(CheckRange("block size", params->block_size, 1, 256));
  Kind kind;
  SetBlock(params->block_size, &kind);
  op->details = kind;
  return Status::Ok();
}

constexpr BuiltinOp kOps[] = {
    {kTfLiteBuiltinMean, 1, 4, 2, 2, true, &ReadMean},
    {kTfLiteBuiltinPad, 1, 4, 2, 2, true, &ReadPad},
    {kTfLiteBuiltinPadv2, 1, 4, 3, 3, true, &ReadPad},
    {kTfLiteBuiltinReshape, 1, 0, 1, 2, true, &ReadReshape},
    {kTfLiteBuiltinTranspose, 1, 4, 2, 2, false, &ReadTranspose},
    {kTfLiteBuiltinConcatenation, kAllInputs, 0, 1, kAnyNumber, true, &ReadConcatenation},
    {kTfLiteBuiltinSoftmax, 1, 2, 1, 1, true, &ReadSoftmax},
    {kTfLiteBuiltinResizeNearestNeighbor, 1, 4, 2, 2, true, &ReadResize<ResizeKind::kNearest>},
    {kTfLiteBuiltinResizeBilinear, 1, 4, 2, 2, true, &ReadResize<ResizeKind::kBilinear>},
    {kTfLiteBuiltinDepthToSpace, 1, 4, 1, 1, false, &ReadBlocks<DepthToSpaceOp>},
    {kTfLiteBuiltinSpaceToDepth, 1, 4, 1, 1, false, &ReadBlocks<SpaceToDepthOp>},
};

}  // namespace

BuiltinOps ShapingOps() { return {kOps, std::size(kOps)}; }

}  // namespace ubp
