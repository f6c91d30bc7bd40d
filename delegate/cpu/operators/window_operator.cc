// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/window_operator.h"

#include <algorithm>
#include <utility>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/average_scale.h"

namespace ubp {

bool WindowReadsInPlace(const ConvShape& shape) {
  return shape.stride_w <= 2 && shape.AllTapsInside();
}

namespace {

// Enough for threads to share the work evenly, few enough for a job to be worth its hand-over.
constexpr int kJobsPerThread = 8;

// Whose rows are computed one by one: where they fill half a vector at most, with narrower ones.
const InstructionSet& KernelsOf(const ConvShape& shape, const InstructionSet& isa) {
  const bool row_by_row = WindowReadsInPlace(shape) && !shape.unit_stride();
  const bool narrow = isa.narrower != nullptr && shape.out_w <= isa.narrower->vector_width;
  return row_by_row && narrow ? *isa.narrower : isa;
}

// One channel of `shape`: planes are independent of each other.
ConvShape OneChannel(ConvShape shape) {
  shape.in_c = shape.out_c = 1;
  return shape;
}

}  // namespace

WindowOperator WindowOperator::Depthwise(const ConvShape& shape, const PlaneGeometry& input,
                                         const PlaneGeometry& output,
                                         std::shared_ptr<const DepthwiseWeights> weights,
                                         ActivationRange range, const InstructionSet& isa,
                                         int threads) {
  WindowOperator made(shape, input, output, range, &InstructionSet::window_sum, isa, threads);
  made.weights_ = std::move(weights);
  return made;
}

WindowOperator WindowOperator::MaxPool(const ConvShape& shape, const PlaneGeometry& input,
                                       const PlaneGeometry& output, ActivationRange range,
                                       const InstructionSet& isa, int threads) {
  return WindowOperator(shape, input, output, range, &InstructionSet::window_max, isa, threads);
}

WindowOperator WindowOperator::AveragePool(const ConvShape& shape, const PlaneGeometry& input,
                                           const PlaneGeometry& output, bool zeros_count,
                                           ActivationRange range, const InstructionSet& isa,
                                           int threads) {
  WindowOperator made(shape, input, output, range, &InstructionSet::window_average, isa, threads);
  made.scale_ = AverageScale(shape, output, zeros_count);
  return made;
}

WindowOperator::WindowOperator(const ConvShape& shape, const PlaneGeometry& input,
                               const PlaneGeometry& output, ActivationRange range,
                               WindowKernel InstructionSet::*kernel, const InstructionSet& isa,
                               int threads)
    : shape_(shape),
      input_(input),
      output_(output),
      range_(range),
      kernel_(KernelsOf(shape, isa).*kernel),
      vector_width_(KernelsOf(shape, isa).vector_width),
      threads_(threads) {
  in_place_ = WindowReadsInPlace(shape);
  if (!in_place_) phases_ = PhasePlanes(OneChannel(shape), shape.out_h, output.pitch);
  for (int ky = 0; ky < shape.kernel_h; ++ky) {
    for (int kx = 0; kx < shape.kernel_w; ++kx) {
      const int y = ky * shape.dilation_h - shape.pad_top;
      const int x = kx * shape.dilation_w - shape.pad_left;
      const int tap = ky * shape.kernel_w + kx;
      taps_.push_back(in_place_ ? y * input.pitch + x
                                : static_cast<int32_t>(phases_.LaneOffset(tap)));
    }
  }
}

size_t WindowOperator::scratch_floats() const {
  return in_place_ ? 0 : static_cast<size_t>(phases_.floats()) * threads_;
}

void WindowOperator::Run(const float* input, float* output, float* scratch,
                         ThreadPool* pool) const {
  const int channels = shape_.in_c;
  const int wanted = threads_ == 1 ? 1 : threads_ * kJobsPerThread;
  const int channels_per_job = (channels + wanted - 1) / wanted;
  const int jobs = (channels + channels_per_job - 1) / channels_per_job;
  pool->Run(shape_.batch * jobs, [&](int job, int thread) {
    const int begin = job % jobs * channels_per_job;
    const int end = std::min(channels, begin + channels_per_job);
    const int64_t plane = int64_t{job / jobs} * channels + begin;
    RunChannels(begin, end, input + plane * input_.plane_stride,
                output + plane * output_.plane_stride, scratch + thread * phases_.floats());
  });
}

void WindowOperator::RunRows(const RowBuffers& buffers, int begin, int end) const {
  const int64_t in_row = int64_t{begin} * shape_.stride_h - buffers.input.first_row;
  const int64_t out_row = begin - buffers.output.first_row;
  WindowArgs args = ArgsOf(0, shape_.in_c);
  args.input = buffers.input.data + input_.lead + in_row * input_.pitch;
  args.output = buffers.output.data + output_.lead + out_row * output_.pitch;
  if (!scale_.empty()) args.scale += int64_t{begin} * output_.pitch;
  SetExactRows(end - begin, &args);
  kernel_(args);
  const int pixels = (end - begin - 1) * output_.pitch + shape_.out_w;
  function_.Apply(args.output, 0, shape_.in_c, args.output_plane, pixels, args.mask);
}

// Whether output and input have the same pitch: then all rows are one.
bool WindowOperator::IsFlat() const {
  return !in_place_ || (shape_.unit_stride() && input_.pitch == output_.pitch);
}

void WindowOperator::SetRows(WindowArgs* args) const {
  const int pixels = IsFlat() ? output_.flat_pixels() : shape_.out_w;
  args->rows = IsFlat() ? 1 : shape_.out_h;
  args->vectors = (pixels + vector_width_ - 1) / vector_width_;
  args->last = -1;
  args->input_pitch = int64_t{shape_.stride_h} * input_.pitch;
  args->output_pitch = output_.pitch;
  args->stride = in_place_ ? shape_.stride_w : 1;
}

void WindowOperator::SetExactRows(int rows, WindowArgs* args) const {
  SetRows(args);
  const int pixels = IsFlat() ? (rows - 1) * output_.pitch + shape_.out_w : shape_.out_w;
  args->rows = IsFlat() ? 1 : rows;
  args->vectors = pixels / vector_width_;
  args->last = pixels % vector_width_ == 0 ? -1 : pixels - vector_width_;
}

WindowArgs WindowOperator::ArgsOf(int begin, int end) const {
  WindowArgs args{};
  args.channels = end - begin;
  args.input_plane = input_.plane_stride;
  args.output_plane = output_.plane_stride;
  args.taps = taps_.data();
  args.num_taps = static_cast<int>(taps_.size());
  if (weights_ != nullptr) {
    args.weights = weights_->weights.data() + int64_t{begin} * args.num_taps;
    args.bias = weights_->bias.data() + begin;
  }
  args.scale = scale_.data();
  args.min = range_.min;
  args.max = range_.max;
  args.mask = output_.mask->data();
  return args;
}

void WindowOperator::RunChannels(int begin, int end, const float* input, float* output,
                                 float* phases) const {
  WindowArgs args = ArgsOf(begin, end);
  SetRows(&args);
  args.input = input + input_.lead;
  args.output = output + output_.lead;
  if (in_place_) {
    kernel_(args);
  } else {
    RunPhases(begin, end, input, phases, args);
  }
  // In whole vectors, the last of which ends in zeros of the same plane.
  const auto values = static_cast<ptrdiff_t>(RoundUp(output_.flat_pixels(), vector_width_));
  function_.Apply(args.output, begin, end, args.output_plane, values, args.mask);
}

// One channel after the other, each by way of its phases.
void WindowOperator::RunPhases(int begin, int end, const float* input, float* phases,
                               WindowArgs args) const {
  for (int channel = begin; channel < end; ++channel) {
    for (int unit = 0; unit < phases_.plane_units(); ++unit) {
      phases_.FillFromPlanes({input, 0}, input_, 0, shape_.out_h, unit, phases);
    }
    WindowArgs one = args;
    one.channels = 1;
    one.input = phases;
    kernel_(one);
    input += input_.plane_stride;
    args.output += output_.plane_stride;
    if (weights_ != nullptr) {
      args.weights += args.num_taps;
      ++args.bias;
    }
  }
}

void WindowOperator::RunPixels(const float* pixels, int begin, int end, int first_pixel,
                               int vectors, float* output, ptrdiff_t output_stride) const {
  WindowArgs args = ArgsOf(begin, end);
  args.input = pixels + begin * input_.plane_stride + first_pixel;
  args.output = output;
  args.output_plane = output_stride;
  args.mask += first_pixel;
  if (!scale_.empty()) args.scale += first_pixel;
  args.rows = 1;
  args.vectors = vectors;
  args.last = -1;
  args.stride = 1;
  kernel_(args);
  function_.Apply(output, begin, end, output_stride, ptrdiff_t{vectors} * vector_width_, args.mask);
}

}  // namespace ubp
