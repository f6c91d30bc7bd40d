// SPDX-License-Identifier: Apache-2.0
// Launches of ops with weights, and of elementwise ones.

#include <string>
#include <utility>

#include "delegate/graph/activation_range.h"
#include "delegate/opencl/kernels/sparse_weights.h"
#include "delegate/opencl/plan/launches.h"
#include "delegate/opencl/plan/tilings.h"

namespace ubp::opencl {
namespace {

// Elements from what a pixel's window begins with, which is at the pixel's own place, to what the lane
// reads: lanes are numbered by kernel row, kernel column and input channel.
class LaneOffsets {
 public:
  LaneOffsets(const ConvShape& shape, const Planes& input) : shape_(shape), input_(input) {}

  int32_t operator[](int64_t lane) const {
    const ConvShape& s = shape_;
    const int64_t tap = lane / s.in_c;
    const int64_t y = tap / s.kernel_w * s.dilation_h - s.pad_top;
    const int64_t x = tap % s.kernel_w * s.dilation_w - s.pad_left;
    return static_cast<int32_t>(lane % s.in_c * input_.plane + y * input_.row + x);
  }

 private:
  const ConvShape& shape_;
  const Planes& input_;
};

std::vector<int32_t> OffsetsOf(const LaneNumbers& lanes, const LaneOffsets& offsets) {
  std::vector<int32_t> bound;
  bound.reserve(lanes.size());
  lanes.ForEach([&](int64_t lane) { bound.push_back(offsets[lane]); });
  return bound;
}

}  // namespace

Status LaunchBuilder::EpilogueOf(const ShapedOp& op, Epilogue* epilogue) {
  epilogue->range = RangeOf(op.activation);
  if (!op.function) return Status::Ok();
  epilogue->function = op.function->function;
  epilogue->s = op.function->s;
  if (op.function->channels == nullptr) return Status::Ok();
  Constants constants;
  const size_t array = constants.Add(op.function->channels, tensors_[op.output].size.channels);
  std::shared_ptr<const Constants> bound;
  UBP_RETURN_IF_ERROR(Bind(std::move(constants), &bound));
  epilogue->channels = bound->array(array);
  return Status::Ok();
}

Status LaunchBuilder::AddKind(const Conv2DOp& kind, const ShapedOp& op) {
  return DeviceBlockSize(kind.layer) > 0 ? AddSparse(op) : AddDense(op);
}

// The blocks of a layer with few rows would keep but a few work-items of each group busy.
Status LaunchBuilder::AddKind(const FullyConnectedOp& kind, const ShapedOp& op) {
  if (!FewRows(op.shape.batch)) {
    return DeviceBlockSize(kind.layer) > 0 ? AddSparse(op) : AddDense(op);
  }
  std::shared_ptr<const DenseLayer> layer;
  UBP_RETURN_IF_ERROR(weights_.Dense(*op.op, queue_, &layer));
  Hold(layer);
  FullyConnectedCall call;
  call.input = Tensor(op.input);
  call.output = Tensor(op.output);
  UBP_RETURN_IF_ERROR(EpilogueOf(op, &call.epilogue));
  call.channels_per_item = layer->channels_per_item;
  call.weights = layer->constants.array(layer->weights_array);
  call.bias = layer->constants.array(layer->bias_array);
  return Make(&MakeFullyConnected, call);
}

Status LaunchBuilder::AddSparse(const ShapedOp& op) {
  std::shared_ptr<const SparseLayer> layer;
  UBP_RETURN_IF_ERROR(weights_.Sparse(*op.op, queue_, &layer));
  Hold(layer);
  SparseConvolutionCall call;
  call.input = Tensor(op.input);
  call.output = Tensor(op.output);
  if (op.second >= 0) call.residual = Tensor(op.second);
  UBP_RETURN_IF_ERROR(EpilogueOf(op, &call.epilogue));
  call.block_size = layer->block_size;
  std::vector<int32_t> offsets = OffsetsOf(layer->lanes, LaneOffsets(op.shape, call.input.planes));
  std::vector<int32_t> fours = FoursOf(layer->first, offsets, call.input.planes.plane);
  if (!fours.empty()) {
    call.lanes_together = 4;
    offsets = std::move(fours);
  }
  Constants constants;
  const size_t offsets_array = constants.Add(offsets);
  std::shared_ptr<const Constants> bound;
  UBP_RETURN_IF_ERROR(Bind(std::move(constants), &bound));
  call.first = layer->constants.array(layer->first_array);
  call.values = layer->constants.array(layer->values_array);
  call.bias = layer->constants.array(layer->bias_array);
  call.offsets = bound->array(offsets_array);
  call.stride_h = op.shape.stride_h;
  call.stride_w = op.shape.stride_w;
  return AddTuned(op, *layer, call);
}

Status LaunchBuilder::AddTuned(const ShapedOp& op, const SparseLayer& layer,
                               SparseConvolutionCall call) {
  const auto blocks = static_cast<int64_t>(layer.lanes.size());
  const ConvShape& shape = op.shape;
  const SparseTiling guess =
      ChooseSparseTiling(Shape(), shape.out_pixels(), shape.out_c, blocks, layer.block_size);
  const std::vector<SparseTiling> tilings =
      SparseTilings(Shape(), guess, shape.out_c, layer.block_size);
  Constants ranges;
  const auto make = [&](size_t i, Launch* launch) {
    const std::vector<int32_t> cuts = CutRanges(layer.first, layer.block_size, tilings[i].ranges);
    ranges = Constants();
    const size_t array = ranges.Add(cuts);
    UBP_RETURN_IF_ERROR(ranges.Upload(queue_));
    call.ranges = ranges.array(array);
    call.range_count = static_cast<int>(cuts.size()) - 1;
    call.tile = tilings[i].tile;
    call.pixels_per_item = tilings[i].pixels_per_item;
    return MakeSparseConvolution(queue_->context(), precision_, call, launch);
  };
  CacheKey key = KeyOf("sparse", shape, blocks);
  key.push_back(std::to_string(call.block_size) + "," + std::to_string(call.lanes_together));
  size_t best = 0;
  UBP_RETURN_IF_ERROR(tuner_.Choose(std::move(key), tilings.size(), make, &best));
  launches_.emplace_back();
  UBP_RETURN_IF_ERROR(make(best, &launches_.back()));
  std::shared_ptr<const Constants> bound;
  return Bind(std::move(ranges), &bound);
}

CacheKey LaunchBuilder::KeyOf(const char* kernel, const ConvShape& s, int64_t lanes) const {
  CacheKey key = {"tiling", kernel, std::to_string(static_cast<int>(precision_))};
  for (const int64_t number : {int64_t{s.batch}, int64_t{s.out_h}, int64_t{s.out_w},
                               int64_t{s.out_c}, int64_t{s.stride_h}, int64_t{s.stride_w}, lanes}) {
    key.push_back(std::to_string(number));
  }
  return key;
}

Status LaunchBuilder::AddDense(const ShapedOp& op) {
  std::shared_ptr<const DenseLayer> layer;
  UBP_RETURN_IF_ERROR(weights_.Dense(*op.op, queue_, &layer));
  Hold(layer);
  DenseConvolutionCall call;
  call.input = Tensor(op.input);
  call.output = Tensor(op.output);
  if (op.second >= 0) call.residual = Tensor(op.second);
  UBP_RETURN_IF_ERROR(EpilogueOf(op, &call.epilogue));
  call.channels_per_item = layer->channels_per_item;
  call.lanes = LayerOf(*op.op)->attributes.lanes();
  const LaneOffsets lane_offsets(op.shape, call.input.planes);
  std::vector<int32_t> offsets(call.lanes);
  for (int lane = 0; lane < call.lanes; ++lane) offsets[lane] = lane_offsets[lane];
  Constants constants;
  const size_t offsets_array = constants.Add(offsets);
  std::shared_ptr<const Constants> bound;
  UBP_RETURN_IF_ERROR(Bind(std::move(constants), &bound));
  call.offsets = bound->array(offsets_array);
  call.weights = layer->constants.array(layer->weights_array);
  call.bias = layer->constants.array(layer->bias_array);
  call.stride_h = op.shape.stride_h;
  call.stride_w = op.shape.stride_w;
  return AddTuned(op, call);
}

Status LaunchBuilder::AddTuned(const ShapedOp& op, DenseConvolutionCall call) {
  const DenseTiling guess =
      ChooseDenseTiling(Shape(), op.shape.out_pixels(), op.shape.out_c, call.channels_per_item);
  const std::vector<DenseTiling> tilings = DenseTilings(Shape(), guess, call.channels_per_item);
  const auto make = [&](size_t i, Launch* launch) {
    call.tile = tilings[i].tile;
    call.pixels_per_item = tilings[i].pixels_per_item;
    return MakeDenseConvolution(queue_->context(), precision_, call, launch);
  };
  size_t best = 0;
  UBP_RETURN_IF_ERROR(
      tuner_.Choose(KeyOf("dense", op.shape, call.lanes), tilings.size(), make, &best));
  launches_.emplace_back();
  return make(best, &launches_.back());
}

Status LaunchBuilder::AddKind(const DepthwiseConv2DOp&, const ShapedOp& op) {
  std::shared_ptr<const DepthwiseLayer> layer;
  UBP_RETURN_IF_ERROR(weights_.Depthwise(*op.op, queue_, &layer));
  Hold(layer);
  const ConvShape& s = op.shape;
  DepthwiseCall call;
  call.input = Tensor(op.input);
  call.output = Tensor(op.output);
  UBP_RETURN_IF_ERROR(EpilogueOf(op, &call.epilogue));
  call.weights = layer->constants.array(layer->weights_array);
  call.bias = layer->constants.array(layer->bias_array);
  call.kernel_h = s.kernel_h;
  call.kernel_w = s.kernel_w;
  call.stride_h = s.stride_h;
  call.stride_w = s.stride_w;
  call.dilation_h = s.dilation_h;
  call.dilation_w = s.dilation_w;
  call.pad_top = s.pad_top;
  call.pad_left = s.pad_left;
  return Make(&MakeDepthwise, call);
}

Status LaunchBuilder::AddKind(const ArithmeticOp&, const ShapedOp& op) {
  return AddElementwise(op);
}
Status LaunchBuilder::AddKind(const ClampOp&, const ShapedOp& op) { return AddElementwise(op); }
Status LaunchBuilder::AddKind(const FunctionOp&, const ShapedOp& op) { return AddElementwise(op); }

Status LaunchBuilder::AddElementwise(const ShapedOp& op) {
  ElementwiseCall call;
  call.first = Tensor(op.input);
  call.output = Tensor(op.output);
  call.range = RangeOf(op.activation);
  Constants constants;
  std::shared_ptr<const Constants> bound;
  const size_t channels = tensors_[op.output].size.channels;
  if (op.scale && op.scale->scale.size() > 1) {
    call.function = Elementwise::kScale;
    const size_t scale = constants.Add(op.scale->scale);
    const size_t offset = constants.Add(op.scale->offset);
    UBP_RETURN_IF_ERROR(Bind(std::move(constants), &bound));
    call.scale = bound->array(scale);
    call.offset = bound->array(offset);
  } else if (op.scale) {
    call.function = Elementwise::kScale;
    call.s = op.scale->scale[0];
    call.t = op.scale->offset[0];
  } else if (op.function) {
    call.function = op.function->function;
    call.s = op.function->s;
    call.t = 0.0f;
    if (op.function->channels != nullptr) {
      const size_t scale = constants.Add(op.function->channels, channels);
      UBP_RETURN_IF_ERROR(Bind(std::move(constants), &bound));
      call.scale = bound->array(scale);
    }
  } else {
    call.function = op.op->As<ArithmeticOp>().function;
    call.second = Tensor(op.second);
  }
  return Make(&MakeElementwise, call);
}

}  // namespace ubp::opencl
