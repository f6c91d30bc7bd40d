// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_depthwise.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "delegate/cpu/operators/window_operator.h"

namespace ubp {
namespace {

// Enough for threads to share the work evenly, few enough for a job to be worth its hand-over.
constexpr int kJobsPerThread = 8;
// Pixels, and weights of one channel in a span.
constexpr int kSpanPixels = 4;

ConvShape WithChannels(ConvShape shape, int channels) {
  shape.in_c = shape.out_c = channels;
  return shape;
}

// The fewest spans that contain taps at these offsets, each tap at a place of its own: spans begin at
// the first tap that none contains yet.
struct Spans {
  std::vector<int64_t> first;    // [spans] offset
  std::vector<int> span_of_tap;  // [taps]
};

Spans CoverTaps(const std::vector<int64_t>& offsets) {
  std::vector<int> order(offsets.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return offsets[a] < offsets[b]; });
  Spans spans;
  spans.span_of_tap.resize(offsets.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t offset = offsets[order[i]];
    // Of taps beside the image several may read the same place.
    const bool is_taken = i > 0 && offset == offsets[order[i - 1]];
    if (i == 0 || is_taken || offset - spans.first.back() >= kSpanPixels) {
      spans.first.push_back(offset);
    }
    spans.span_of_tap[order[i]] = static_cast<int>(spans.first.size()) - 1;
  }
  return spans;
}

}  // namespace

Status QuadDepthwise::Make(std::shared_ptr<const QuadDepthwiseWeights> weights,
                           const ConvShape& shape, const QuadConvLayout& layout,
                           const Int8Kernels& kernels, int threads,
                           std::unique_ptr<QuadDepthwise>* depthwise) {
  std::unique_ptr<QuadDepthwise> made(
      new QuadDepthwise(std::move(weights), shape, layout, kernels, threads));
  UBP_RETURN_IF_ERROR(made->Prepare());
  *depthwise = std::move(made);
  return Status::Ok();
}

QuadDepthwise::QuadDepthwise(std::shared_ptr<const QuadDepthwiseWeights> weights,
                             const ConvShape& shape, const QuadConvLayout& layout,
                             const Int8Kernels& kernels, int threads)
    : weights_(std::move(weights)),
      shape_(WithChannels(shape, QuadsOf(shape.in_c))),
      layout_(layout),
      requantization_(StoredRequantization(layout, weights_->scale, kernels)),
      kernels_(kernels),
      threads_(threads),
      in_place_(WindowReadsInPlace(shape) && layout.input.Suits(shape)) {}

Status QuadDepthwise::Prepare() {
  if (!in_place_) {
    const ConvShape one = WithChannels(shape_, 1);
    UBP_RETURN_IF_ERROR(PhasePlanes::Check(one, one.out_h, layout_.output.pitch));
    phases_ = PhasePlanes(one, one.out_h, layout_.output.pitch,
                          StoredElement(layout_.input_zero_point, kernels_));
  }
  SetSpans();
  return Status::Ok();
}

// In elements, from what a tap at offset 0 reads for pixel 0.
std::vector<int64_t> QuadDepthwise::TapOffsets() const {
  std::vector<int64_t> offsets;
  for (int ky = 0; ky < shape_.kernel_h; ++ky) {
    for (int kx = 0; kx < shape_.kernel_w; ++kx) {
      const int64_t y = ky * shape_.dilation_h - shape_.pad_top;
      const int64_t x = kx * shape_.dilation_w - shape_.pad_left;
      offsets.push_back(in_place_ ? y * layout_.input.pitch + x
                                  : phases_.LaneOffset(ky * shape_.kernel_w + kx));
    }
  }
  return offsets;
}

void QuadDepthwise::SetSpans() {
  const std::vector<int64_t> taps = TapOffsets();
  const Spans spans = CoverTaps(taps);
  for (const int64_t first : spans.first) offsets_.push_back(kQuad * first);
  constexpr int kSpanBytes = kQuad * kSpanPixels;
  spans_.resize(shape_.in_c * spans.first.size() * kSpanBytes);
  for (int c = 0; c < weights_->channels; ++c) {
    for (size_t t = 0; t < taps.size(); ++t) {
      const size_t span = spans.span_of_tap[t];
      const size_t at = (c / kQuad * spans.first.size() + span) * kSpanBytes +
                        c % kQuad * kSpanPixels + (taps[t] - spans.first[span]);
      spans_[at] = weights_->weights[t * weights_->channels + c];
    }
  }
}

void QuadDepthwise::Run(const float* input, float* output, float* scratch, ThreadPool* pool) const {
  const int quads = shape_.in_c;
  const int wanted = threads_ == 1 ? 1 : threads_ * kJobsPerThread;
  const int quads_per_job = (quads + wanted - 1) / wanted;
  const int jobs = (quads + quads_per_job - 1) / quads_per_job;
  pool->Run(shape_.batch * jobs, [&](int job, int thread) {
    const int begin = job % jobs * quads_per_job;
    const int end = std::min(quads, begin + quads_per_job);
    const int64_t plane = int64_t{job / jobs} * quads + begin;
    RunQuads(begin, end, input + plane * layout_.input.plane_stride,
             output + plane * layout_.output.plane_stride, scratch + thread * phases_.floats());
  });
}

// Where the whole planes are one row: with input and output of one pitch, phase planes included.
QuadDepthwiseArgs QuadDepthwise::ArgsOf(int begin, int end) const {
  const PlaneGeometry& in = layout_.input;
  const PlaneGeometry& out = layout_.output;
  const bool is_flat = !in_place_ || (shape_.unit_stride() && in.pitch == out.pitch);
  const int pixels = is_flat ? out.flat_pixels() : shape_.out_w;
  QuadDepthwiseArgs args;
  args.mask = out.mask->data();
  args.junk = StoredQuad(layout_.output_zero_point, kernels_);
  args.quads = end - begin;
  args.input_plane = kQuad * in.plane_stride;
  args.output_plane = kQuad * out.plane_stride;
  args.rows = is_flat ? 1 : shape_.out_h;
  args.vectors = (pixels + kernels_.vector_width - 1) / kernels_.vector_width;
  args.input_pitch = int64_t{kQuad} * shape_.stride_h * in.pitch;
  args.output_pitch = int64_t{kQuad} * out.pitch;
  args.offsets = offsets_.data();
  args.num_spans = static_cast<int>(offsets_.size());
  args.weights = spans_.data() + int64_t{begin} * args.num_spans * kQuad * kSpanPixels;
  args.bias = weights_->bias.data() + kQuad * begin;
  args.scale = weights_->scale.data() + kQuad * begin;
  args.stride = in_place_ ? shape_.stride_w : 1;
  args.requantization = requantization_;
  return args;
}

void QuadDepthwise::RunQuads(int begin, int end, const float* input, float* output,
                             float* phases) const {
  if (in_place_) {
    QuadDepthwiseArgs args = ArgsOf(begin, end);
    args.input = reinterpret_cast<const uint8_t*>(input + layout_.input.lead);
    args.output = reinterpret_cast<uint8_t*>(output + layout_.output.lead);
    kernels_.depthwise(args);
    return;
  }
  for (int quad = begin; quad < end; ++quad) {
    for (int unit = 0; unit < phases_.plane_units(); ++unit) {
      phases_.FillFromPlanes({input, 0}, layout_.input, 0, shape_.out_h, unit, phases);
    }
    QuadDepthwiseArgs args = ArgsOf(quad, quad + 1);
    args.input = reinterpret_cast<const uint8_t*>(phases);
    args.output = reinterpret_cast<uint8_t*>(output + layout_.output.lead);
    kernels_.depthwise(args);
    input += layout_.input.plane_stride;
    output += layout_.output.plane_stride;
  }
}

}  // namespace ubp
