#include "delegate/cpu/window_operator.h"

#include <algorithm>
#include <limits>

#include "delegate/common/aligned_buffer.h"

namespace ubp {
namespace {

constexpr int kPlanesPerJob = 4;

// One channel of `shape`: planes are independent of each other.
ConvShape OneChannel(ConvShape shape) {
  shape.in_c = shape.out_c = 1;
  return shape;
}

}  // namespace

bool WindowReadsInPlace(const ConvShape& shape) { return shape.stride_w <= 2; }

WindowOperator WindowOperator::Depthwise(const ConvShape& shape, const PlaneGeometry& input,
                                         const PlaneGeometry& output, const float* weights,
                                         const float* bias, ActivationRange range,
                                         const KernelFamily& family, int threads) {
  WindowOperator made(shape, input, output, range, family.window_sum, family.vector_width, threads,
                      0.0f);
  const int channels = shape.in_c;
  const int taps = shape.kernel_h * shape.kernel_w;
  made.weights_.resize(int64_t{channels} * taps);
  for (int c = 0; c < channels; ++c) {
    for (int t = 0; t < taps; ++t) {
      made.weights_[int64_t{c} * taps + t] = weights[int64_t{t} * channels + c];
    }
  }
  made.bias_.assign(channels, 0.0f);
  if (bias != nullptr) std::copy_n(bias, channels, made.bias_.begin());
  return made;
}

WindowOperator WindowOperator::MaxPool(const ConvShape& shape, const PlaneGeometry& input,
                                       const PlaneGeometry& output, bool zeros_count,
                                       ActivationRange range, const KernelFamily& family,
                                       int threads) {
  const float padding = zeros_count ? 0.0f : -std::numeric_limits<float>::infinity();
  return WindowOperator(shape, input, output, range, family.window_max, family.vector_width,
                        threads, padding);
}

WindowOperator::WindowOperator(const ConvShape& shape, const PlaneGeometry& input,
                               const PlaneGeometry& output, ActivationRange range,
                               WindowKernel kernel, int vector_width, int threads, float padding)
    : shape_(shape),
      input_(input),
      output_(output),
      range_(range),
      kernel_(kernel),
      vector_width_(vector_width),
      threads_(threads) {
  in_place_ = WindowReadsInPlace(shape) && padding == 0.0f;
  if (!in_place_) phases_ = Planes(OneChannel(shape), output.pitch, padding);
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
  const int planes = shape_.batch * shape_.in_c;
  const int jobs = (planes + kPlanesPerJob - 1) / kPlanesPerJob;
  pool->Run(jobs, [&](int job, int thread) {
    const int end = std::min(planes, (job + 1) * kPlanesPerJob);
    for (int plane = job * kPlanesPerJob; plane < end; ++plane) {
      RunPlane(plane % shape_.in_c, input + plane * input_.plane_stride,
               output + plane * output_.plane_stride, scratch + thread * phases_.floats());
    }
  });
}

// Where output and input have the same pitch, all rows are one.
void WindowOperator::SetRows(WindowArgs* args) const {
  const bool flat = !in_place_ || (shape_.unit_stride() && input_.pitch == output_.pitch);
  const int pixels = flat ? output_.flat_pixels() : shape_.out_w;
  args->rows = flat ? 1 : shape_.out_h;
  args->vectors = (pixels + vector_width_ - 1) / vector_width_;
  args->input_pitch = int64_t{shape_.stride_h} * input_.pitch;
  args->output_pitch = output_.pitch;
  args->stride = in_place_ ? shape_.stride_w : 1;
}

WindowArgs WindowOperator::ArgsOf(int channel) const {
  WindowArgs args{};
  args.taps = taps_.data();
  args.num_taps = static_cast<int>(taps_.size());
  args.weights = weights_.data() + int64_t{channel} * args.num_taps;
  args.bias = bias_.empty() ? 0.0f : bias_[channel];
  args.min = range_.min;
  args.max = range_.max;
  args.mask = output_.mask->data();
  return args;
}

void WindowOperator::RunPlane(int channel, const float* input, float* output, float* phases) const {
  WindowArgs args = ArgsOf(channel);
  args.input = input + input_.lead;
  if (!in_place_) {
    for (int unit = 0; unit < phases_.fill_units(); ++unit) {
      phases_.FillFromPlanes(input, input_, unit, phases);
    }
    args.input = phases;
  }
  args.output = output + output_.lead;
  SetRows(&args);
  kernel_(args);
}

void WindowOperator::RunPixels(int channel, const float* input, int first_pixel, int vectors,
                               float* output) const {
  WindowArgs args = ArgsOf(channel);
  args.input = input + input_.lead + first_pixel;
  args.output = output;
  args.mask += first_pixel;
  args.rows = 1;
  args.vectors = vectors;
  args.stride = 1;
  kernel_(args);
}

}  // namespace ubp
