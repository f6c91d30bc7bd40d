// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/pool_operator.h"

#include <algorithm>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/average_scale.h"

namespace ubp {
namespace {

// Enough for threads to share the work evenly, few enough for a job to be worth its hand-over.
constexpr int kJobsPerThread = 8;
constexpr int kFloatsPerLine = kCacheLineBytes / sizeof(float);
// Reduced rows that are computed at a time: they and what is made of them stay in the L1 cache.
constexpr int64_t kBlockFloats = 1536;
// Windows that share rows so many times are reduced by way of blocks: this costs about as much as
// reducing each row four times.
constexpr int kMostShares = 4;

}  // namespace

PoolOperator::PoolOperator(const ConvShape& shape, const PlaneGeometry& input,
                           const PlaneGeometry& output, const PoolOptions& options,
                           const InstructionSet& isa, int threads)
    : shape_(shape),
      input_(input),
      output_(output),
      options_(options),
      kernel_(options.kind == PoolKind::kMax ? isa.pool_max : isa.pool_average),
      vector_width_(isa.vector_width),
      threads_(threads) {
  SetWindow();
  SetBlocks();
  if (options.kind == PoolKind::kAverage) {
    scale_ = AverageScale(shape_, output_, options_.zeros_count);
  }
}

void PoolOperator::SetWindow() {
  PoolArgs& w = window_;
  w.input_plane = input_.plane_stride;
  w.output_plane = output_.plane_stride;
  w.input_pitch = input_.pitch;
  w.output_pitch = output_.pitch;
  w.mask = output_.mask->data();
  w.height = shape_.in_h;
  w.kernel_h = shape_.kernel_h;
  w.kernel_w = shape_.kernel_w;
  w.stride_h = shape_.stride_h;
  w.stride_w = shape_.stride_w;
  w.pad_top = shape_.pad_top;
  w.pad_left = shape_.pad_left;
  w.zeros_count = options_.zeros_count;
  w.width = shape_.out_w;
  w.min = options_.range.min;
  w.max = options_.range.max;
  // Of a single window the stride does not matter: one that can be halved as often as the window.
  if (w.width == 1) w.stride_w = w.kernel_w;
}

void PoolOperator::SetBlocks() {
  PoolArgs& w = window_;
  const int64_t reach = int64_t{w.width - 1} * w.stride_w + w.kernel_w;
  w.columns = static_cast<int>(std::clamp<int64_t>(reach - w.pad_left, 0, shape_.in_w));
  const int64_t right = std::max<int64_t>(0, reach - w.pad_left - w.columns);
  const int64_t least_pitch = w.columns + std::max<int64_t>(w.pad_left, right);
  while (((w.kernel_w | w.stride_w) >> w.halvings) % 2 == 0) ++w.halvings;
  w.by_blocks = w.kernel_h > kMostShares * w.stride_h;
  // Where windows are halved, the pitch must be, too; that of the image may be odd.
  w.flat = shape_.unit_stride() && w.halvings == 0 && !w.by_blocks &&
           input_.pitch == output_.pitch && input_.pitch >= least_pitch;
  const int64_t pitch = w.flat ? input_.pitch : RoundUp(least_pitch, size_t{1} << w.halvings);
  w.reduced_pitch = static_cast<int>(pitch);
  w.beyond = static_cast<int>(std::max<int64_t>(0, reach - pitch));
  // Rows that blocks are taken up for again are few beside those that are computed.
  const int64_t least = w.by_blocks ? 2 * (w.kernel_h / w.stride_h) : 1;
  const int64_t rows = std::max(least, kBlockFloats / pitch);
  w.block_rows = static_cast<int>(std::min<int64_t>(rows, shape_.out_h));
  const int64_t channels = std::max<int64_t>(1, kBlockFloats / (w.block_rows * pitch));
  w.block_channels = static_cast<int>(std::min<int64_t>(channels, shape_.in_c));
}

size_t PoolOperator::reduced_floats() const {
  const PoolArgs& w = window_;
  const size_t rows = size_t{1} * w.block_channels * w.block_rows * w.reduced_pitch;
  return RoundUp(rows + w.beyond + w.kernel_w + kPoolSlack, kFloatsPerLine);
}

size_t PoolOperator::row_scratch_floats() const {
  const size_t suffix_rows = window_.by_blocks ? std::min(shape_.kernel_h, shape_.in_h) : 0;
  return 2 * reduced_floats() + RoundUp(suffix_rows * kPoolVectors * vector_width_, kFloatsPerLine);
}

PoolArgs PoolOperator::ArgsFor(float* scratch) const {
  PoolArgs args = window_;
  args.reduced = scratch;
  args.combined = scratch + reduced_floats();
  args.block_suffix = args.combined + reduced_floats();
  return args;
}

// The channels from `first` on; rows of `pixels` flat pixels altogether.
void PoolOperator::RunChannels(const PoolArgs& args, int first, int pixels) const {
  kernel_(args);
  options_.function.Apply(args.output, first, first + args.channels, args.output_plane, pixels,
                          args.mask);
}

void PoolOperator::Run(const float* input, float* output, float* scratch, ThreadPool* pool) const {
  const int channels = shape_.in_c;
  const int wanted = threads_ == 1 ? 1 : threads_ * kJobsPerThread;
  const int channels_per_job = (channels + wanted - 1) / wanted;
  const int jobs = (channels + channels_per_job - 1) / channels_per_job;
  pool->Run(shape_.batch * jobs, [&](int job, int thread) {
    const int begin = job % jobs * channels_per_job;
    const int64_t plane = int64_t{job / jobs} * channels + begin;
    PoolArgs args = ArgsFor(scratch + thread * row_scratch_floats());
    args.input = input + plane * input_.plane_stride + input_.lead;
    args.output = output + plane * output_.plane_stride + output_.lead;
    args.scale = scale_.data();
    args.channels = std::min(channels - begin, channels_per_job);
    args.first_row = 0;
    args.end_row = shape_.out_h;
    // In whole vectors, the last of which ends in zeros of the same plane.
    RunChannels(args, begin, static_cast<int>(RoundUp(output_.flat_pixels(), vector_width_)));
  });
}

void PoolOperator::RunRows(const RowBuffers& buffers, int begin, int end) const {
  PoolArgs args = ArgsFor(buffers.scratch);
  args.input = buffers.input.data + input_.lead - int64_t{buffers.input.first_row} * input_.pitch;
  const int64_t row = begin - buffers.output.first_row;
  args.output = buffers.output.data + output_.lead + row * output_.pitch;
  args.scale = scale_.empty() ? nullptr : scale_.data() + int64_t{begin} * output_.pitch;
  args.channels = shape_.in_c;
  args.first_row = begin;
  args.end_row = end;
  args.exact = true;
  RunChannels(args, 0, (end - begin - 1) * output_.pitch + shape_.out_w);
}

}  // namespace ubp
