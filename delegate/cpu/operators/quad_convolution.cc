// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_convolution.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "delegate/cpu/operators/convolution.h"
#include "delegate/cpu/operators/quad_elementwise.h"
#include "delegate/cpu/operators/wros_layer.h"

namespace ubp {
namespace {

constexpr int kEnoughTiles = 8;
// Of weights that are read once for each tile.
constexpr size_t kRangeBytes = 384 * 1024;

ConvShape OfQuads(ConvShape shape) {
  shape.in_c = QuadsOf(shape.in_c);
  shape.out_c = QuadsOf(shape.out_c);
  return shape;
}

}  // namespace

Status QuadConvolution::Make(std::shared_ptr<const QuadWeights> weights, const ConvShape& shape,
                             const QuadConvLayout& layout, const Int8Kernels& kernels, int threads,
                             std::unique_ptr<QuadConvolution>* convolution) {
  std::unique_ptr<QuadConvolution> made(
      new QuadConvolution(std::move(weights), shape, layout, kernels));
  UBP_RETURN_IF_ERROR(made->Prepare(threads));
  *convolution = std::move(made);
  return Status::Ok();
}

QuadConvolution::QuadConvolution(std::shared_ptr<const QuadWeights> weights, const ConvShape& shape,
                                 const QuadConvLayout& layout, const Int8Kernels& kernels)
    : weights_(std::move(weights)),
      shape_(OfQuads(shape)),
      in_c_(shape.in_c),
      layout_(layout),
      requantization_(StoredRequantization(layout, weights_->scale, kernels)),
      kernels_(kernels),
      tile_kernels_(kernels.KernelsFor(weights_->block_size)),
      in_place_(ConvolutionReadsInPlace(shape) && layout.input.pitch == layout.output.pitch &&
                layout.input.Suits(shape)) {}

Status QuadConvolution::Prepare(int threads) {
  if (layout_.residual) {
    sum_ = MakeQuadSum(QuadFunction::kAdd, layout_.residual->operands, kernels_);
    sum_requantization_ = RequantizationOf(layout_.residual->operands, kernels_);
  }
  if (!in_place_) {
    UBP_RETURN_IF_ERROR(PhasePlanes::Check(shape_, shape_.out_h, layout_.output.pitch));
    planes_ = PhasePlanes(shape_, shape_.out_h, layout_.output.pitch,
                          StoredElement(layout_.input_zero_point, kernels_));
  }
  tiles_ =
      DividePixels(layout_.output.flat_pixels(), kernels_.vector_width, tile_kernels_.max_vectors);
  MakeRanges(threads);
  return SetOffsets();
}

// As WrosConvolution: several ranges where tiles are few, or weights many.
void QuadConvolution::MakeRanges(int threads) {
  const int tiles = static_cast<int>(tiles_.size());
  const bool enough = threads == 1 || tiles >= kEnoughTiles || tiles % threads == 0;
  const size_t bytes = weights_->values.size() + sizeof(int32_t) * weights_->groups.size();
  const size_t for_cache = tiles > 1 ? bytes / kRangeBytes + 1 : 1;
  bounds_ = DivideChannels(weights_->counts, std::max(kQuad, weights_->block_size),
                           std::max(enough ? 1 : threads, static_cast<int>(for_cache)));
  bounds_.back() = shape_.out_c * kQuad;  // counts has some channels more
  if (bounds_.size() > 2 && bounds_[bounds_.size() - 2] >= bounds_.back()) bounds_.pop_back();
}

// Elements from a tile's input pointer to the row of `group`.
int64_t QuadConvolution::GroupOffset(int group) const {
  if (!in_place_) return planes_.LaneOffset(group);
  return layout_.input.lead + InPlaceLaneOffset(shape_, layout_.input, group);
}

Status QuadConvolution::SetOffsets() {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max() / kQuad;
  const int groups = shape_.kernel_h * shape_.kernel_w * shape_.in_c;
  std::vector<int64_t> offset_of_group(groups);  // of most groups there are several blocks
  for (int group = 0; group < groups; ++group) offset_of_group[group] = GroupOffset(group);
  bool fits = true;
  offsets_.reserve(weights_->groups.size() + kQuadOffsetsBeyond);
  weights_->groups.ForEach([&](int32_t group) {
    const int64_t offset = offset_of_group[group];
    fits = fits && offset <= kMost;
    offsets_.push_back(static_cast<int32_t>(kQuad * offset));
  });
  if (!fits) {
    return Status::Error("an input of " + std::to_string(shape_.in_h) + " x " +
                         std::to_string(shape_.in_w) + " x " + std::to_string(in_c_) +
                         " is too large for this delegate: its padded planes exceed 2 GiB.");
  }
  offsets_.resize(offsets_.size() + kQuadOffsetsBeyond, 0);
  return Status::Ok();
}

void QuadConvolution::Run(const float* input, const float* residual, float* output, float* scratch,
                          ThreadPool* pool) const {
  for (int i = 0; i < shape_.batch; ++i) {
    RunImage(input, residual, output, scratch, pool);
    input += layout_.input.plane_stride * shape_.in_c;
    output += layout_.output.plane_stride * shape_.out_c;
    if (residual != nullptr) residual += layout_.residual->geometry.plane_stride * shape_.out_c;
  }
}

void QuadConvolution::RunImage(const float* input, const float* residual, float* output,
                               float* scratch, ThreadPool* pool) const {
  if (!in_place_) {
    pool->Run(planes_.plane_units(), [&](int unit, int) {
      planes_.FillFromPlanes({input, 0}, layout_.input, 0, shape_.out_h, unit, scratch);
    });
  }
  const int tiles = static_cast<int>(tiles_.size());
  const int ranges = static_cast<int>(bounds_.size()) - 1;
  pool->Run(tiles * ranges, [&](int job, int) {
    RunTile(in_place_ ? input : scratch, tiles_[job % tiles], job / tiles, residual, output);
  });
}

void QuadConvolution::RunTile(const float* source, const Tile& tile, int range,
                              const float* residual, float* output) const {
  const PlaneGeometry& geometry = layout_.output;
  const int begin = bounds_[range];
  const int first_start = std::max(0, begin - weights_->block_size + 1);
  const int32_t first_block = weights_->first_block[first_start];
  const int64_t first_pixel =
      begin / kQuad * geometry.plane_stride + geometry.lead + tile.first_pixel;
  QuadConvArgs args;
  args.input = reinterpret_cast<const uint8_t*>(source + tile.first_pixel);
  args.output = reinterpret_cast<uint8_t*>(output + first_pixel);
  args.output_stride = kQuad * geometry.plane_stride;
  args.mask = geometry.mask->data() + tile.first_pixel;
  args.junk = StoredQuad(layout_.output_zero_point, kernels_);
  args.counts = weights_->counts.data() + first_start;
  args.offsets = offsets_.data() + first_block;
  args.values = weights_->values.data() + int64_t{kQuad} * weights_->block_size * first_block;
  args.bias = weights_->bias.data() + begin;
  args.scale = weights_->scale.data() + begin;
  args.channel_begin = begin;
  args.channel_end = bounds_[range + 1];
  args.requantization = requantization_;
  AddResidual(residual, tile, begin, &args);
  tile_kernels_.tile[tile.vectors - 1](args);
}

void QuadConvolution::AddResidual(const float* residual, const Tile& tile, int begin,
                                  QuadConvArgs* args) const {
  args->residual = nullptr;
  args->residual_stride = 0;
  args->sum = sum_;
  args->sum_requantization = sum_requantization_;
  if (residual == nullptr) return;
  const PlaneGeometry& geometry = layout_.residual->geometry;
  const int64_t first_pixel =
      begin / kQuad * geometry.plane_stride + geometry.lead + tile.first_pixel;
  args->residual = reinterpret_cast<const uint8_t*>(residual + first_pixel);
  args->residual_stride = kQuad * geometry.plane_stride;
  args->junk = StoredQuad(layout_.residual->operands.output.zero_point, kernels_);
}

}  // namespace ubp
