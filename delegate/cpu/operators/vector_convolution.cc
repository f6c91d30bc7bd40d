// SPDX-License-Identifier: Apache-2.0
// A dense layer at few pixels, NHWC: every output is a dot product of two contiguous vectors.

#include <algorithm>

#include "delegate/cpu/operators/convolution.h"

namespace ubp {
namespace {

constexpr int kRowsPerJob = 64;

class VectorConvolution : public Convolution {
 public:
  VectorConvolution(const LayerWeights& layer, int vectors, const RowFunction& function,
                    const InstructionSet& isa)
      : weights_(layer.dense),
        length_(layer.attributes.lanes()),
        channels_(layer.attributes.out_channels),
        vectors_(vectors),
        range_(RangeOf(layer.attributes.activation)),
        function_(function),
        kernel_(isa.dot) {}

  size_t scratch_floats() const override { return 0; }
  size_t prepared_bytes() const override { return 0; }

  void Run(const ConvBuffers& buffers, ThreadPool* pool) const override {
    const int jobs = (channels_ + kRowsPerJob - 1) / kRowsPerJob;
    pool->Run(jobs, [&](int job, int) {
      const int begin = job * kRowsPerJob;
      DotArgs args;
      args.weights = weights_.weights + int64_t{begin} * length_;
      args.bias = weights_.bias != nullptr ? weights_.bias + begin : nullptr;
      args.rows = std::min(kRowsPerJob, channels_ - begin);
      args.length = length_;
      args.min = range_.min;
      args.max = range_.max;
      // The second and later vectors find the job's rows in the cache.
      for (int v = 0; v < vectors_; ++v) {
        args.input = buffers.input + int64_t{v} * length_;
        args.output = buffers.output + int64_t{v} * channels_ + begin;
        kernel_(args);
        function_.ApplyToPixel(args.output, begin, begin + static_cast<int>(args.rows));
      }
    });
  }

 private:
  DenseWeights weights_;
  int length_;
  int channels_;
  int vectors_;
  ActivationRange range_;
  RowFunction function_;
  DotKernel kernel_;
};

}  // namespace

bool SuitsVectorConvolution(const LayerWeights& layer, const ConvShape& shape) {
  constexpr int kFewPixels = 4;
  return layer.dense.weights != nullptr && layer.dense.block_size == 0 && shape.pointwise() &&
         shape.out_pixels() <= kFewPixels;
}

std::unique_ptr<Convolution> MakeVectorConvolution(const LayerWeights& layer,
                                                   const ConvShape& shape,
                                                   const RowFunction& function,
                                                   const InstructionSet& isa) {
  return std::make_unique<VectorConvolution>(layer, static_cast<int>(shape.out_pixels()), function,
                                             isa);
}

}  // namespace ubp
