// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/elementwise.h"

#include <algorithm>

#include "delegate/base/aligned_buffer.h"

namespace ubp {
namespace {

constexpr int64_t kValuesPerJob = 16384;
// Of an image: short enough for several rows to make the work of several threads.
constexpr int64_t kValuesPerRow = 4096;

ElementwiseArgs ArgsOf(ActivationRange range) {
  ElementwiseArgs args;
  args.min = range.min;
  args.max = range.max;
  return args;
}

// Calls set_up(row, args) for each row, which may complete the row's arguments, and the kernel.
template <class SetUp>
void RunRows(const ValueRows& rows, ElementwiseKernel kernel, const ElementwiseArgs& whole,
             ThreadPool* pool, const SetUp& set_up) {
  const int per_job = rows.per_job();
  pool->Run((rows.count() + per_job - 1) / per_job, [&](int job, int) {
    const int end = std::min(rows.count(), (job + 1) * per_job);
    for (int row = job * per_job; row < end; ++row) {
      ElementwiseArgs args = rows.Row(whole, row);
      set_up(row, &args);
      kernel(args);
    }
  });
}

// The numbers of all channels over and over, in rows of whole repetitions.
std::vector<float> Repeat(const std::vector<float>& numbers) {
  const size_t times = std::max<size_t>(1, kValuesPerRow / numbers.size());
  std::vector<float> repeated;
  repeated.reserve(times * numbers.size());
  for (size_t i = 0; i < times; ++i) {
    repeated.insert(repeated.end(), numbers.begin(), numbers.end());
  }
  return repeated;
}

}  // namespace

ValueRows::ValueRows(const PlaneTensor& tensor, Elementwise function)
    : count_(tensor.batch * tensor.channels),
      length_(RoundUp(tensor.geometry.flat_pixels(), kCacheLineBytes / sizeof(float))),
      first_(tensor.geometry.lead),
      stride_(tensor.geometry.plane_stride),
      end_(first_ + stride_ * count_),
      mask_(KeepsZero(function) ? nullptr : tensor.geometry.mask) {}

ValueRows::ValueRows(int64_t values) : ValueRows(values, kValuesPerRow) {}

ValueRows::ValueRows(int64_t values, int64_t length)
    : count_(static_cast<int>((values + length - 1) / length)),
      length_(length),
      first_(0),
      stride_(length),
      end_(values) {}

int ValueRows::per_job() const {
  return static_cast<int>(std::max<int64_t>(1, kValuesPerJob / length_));
}

ElementwiseArgs ValueRows::Row(const ElementwiseArgs& whole, int row) const {
  const int64_t first = first_ + row * stride_;
  ElementwiseArgs args = whole;
  args.a += first;
  if (args.b != nullptr) args.b += first;
  args.output += first;
  args.count = std::min(length_, end_ - first);
  if (mask_ != nullptr) args.mask = mask_->data();
  return args;
}

ElementwiseMap::ElementwiseMap(Elementwise function, const ValueRows& rows, ActivationRange range,
                               const InstructionSet& isa)
    : rows_(rows), kernel_(isa.KernelFor(function)), args_(ArgsOf(range)) {}

void ElementwiseMap::Run(const float* a, const float* b, float* output, ThreadPool* pool) const {
  ElementwiseArgs whole = args_;
  whole.a = a;
  whole.b = b;
  whole.output = output;
  RunRows(rows_, kernel_, whole, pool, [](int, ElementwiseArgs*) {});
}

ChannelMap::ChannelMap(Elementwise function, const ChannelScale& numbers, const PlaneTensor& tensor,
                       ActivationRange range, const InstructionSet& isa)
    : numbers_(numbers),
      rows_(tensor, function),
      kernel_(isa.KernelFor(function)),
      args_(ArgsOf(range)) {}

ChannelMap::ChannelMap(Elementwise function, const ChannelScale& numbers, int64_t values,
                       ActivationRange range, const InstructionSet& isa)
    : numbers_{Repeat(numbers.scale), Repeat(numbers.offset)},
      rows_(values, static_cast<int64_t>(numbers_.scale.size())),
      kernel_(isa.KernelFor(ByValue(function))),
      args_(ArgsOf(range)) {}

void ChannelMap::Run(const float* input, float* output, ThreadPool* pool) const {
  ElementwiseArgs whole = args_;
  whole.a = input;
  whole.output = output;
  RunRows(rows_, kernel_, whole, pool, [&](int row, ElementwiseArgs* args) {
    // For a plane's channel, and for a row of an image.
    const size_t channel = static_cast<size_t>(row) % numbers_.scale.size();
    args->s = numbers_.scale[channel];
    args->t = numbers_.offset[channel];
    args->b = numbers_.scale.data();
    args->c = numbers_.offset.data();
  });
}

ElementwiseVector::ElementwiseVector(Elementwise function, bool vector_first,
                                     const PlaneTensor& tensor, int vector_batch,
                                     ActivationRange range, const InstructionSet& isa)
    : function_(function),
      vector_first_(vector_first),
      numbers_(vector_batch * tensor.channels),
      rows_(tensor, Elementwise::kScale),
      kernel_(isa.KernelFor(Elementwise::kScale)),
      args_(ArgsOf(range)) {}

void ElementwiseVector::Run(const float* input, const float* vector, float* output,
                            ThreadPool* pool) const {
  ElementwiseArgs whole = args_;
  whole.a = input;
  whole.output = output;
  RunRows(rows_, kernel_, whole, pool, [&](int row, ElementwiseArgs* args) {
    const float number = vector[row % numbers_];
    if (function_ == Elementwise::kMultiply) {
      args->s = number;
      args->t = 0.0f;
    } else if (function_ == Elementwise::kSubtract) {
      args->s = vector_first_ ? -1.0f : 1.0f;
      args->t = vector_first_ ? number : -number;
    } else {
      args->s = 1.0f;
      args->t = number;
    }
  });
}

}  // namespace ubp
