// SPDX-License-Identifier: Apache-2.0
// The reference: output-stationary plain loops, one output pixel after the other.

#include <memory>

#include "delegate/cpu/operators/convolution.h"
#include "delegate/weights/weights.h"

namespace ubp {
namespace {

class ReferenceConvolution : public Convolution {
 public:
  ReferenceConvolution(const PackedLayerWeights& layer, const ConvShape& shape)
      : shape_(shape), range_(RangeOf(layer.activation)), weights_(layer.weights) {}

  size_t scratch_floats() const override { return 0; }
  size_t prepared_bytes() const override { return 0; }

  void Run(const ConvBuffers& buffers, ThreadPool* pool) const override {
    pool->Run(shape_.batch * shape_.out_h, [&](int row, int) {
      const float* image =
          buffers.input + int64_t{row / shape_.out_h} * shape_.in_h * shape_.in_w * shape_.in_c;
      for (int x = 0; x < shape_.out_w; ++x) {
        const int64_t pixel = int64_t{row} * shape_.out_w + x;
        RunPixel(image, row % shape_.out_h, x, buffers.output + pixel * shape_.out_c);
      }
    });
  }

 private:
  // What lane k reads for output pixel (y, x); padding reads zero.
  float Input(const float* image, int y, int x, int lane) const {
    const int tap = lane / shape_.in_c;
    const int in_y =
        y * shape_.stride_h + tap / shape_.kernel_w * shape_.dilation_h - shape_.pad_top;
    const int in_x =
        x * shape_.stride_w + tap % shape_.kernel_w * shape_.dilation_w - shape_.pad_left;
    if (in_y < 0 || in_y >= shape_.in_h || in_x < 0 || in_x >= shape_.in_w) return 0.0f;
    return image[(int64_t{in_y} * shape_.in_w + in_x) * shape_.in_c + lane % shape_.in_c];
  }

  void RunPixel(const float* image, int y, int x, float* output) const {
    const int n = weights_->block_size;
    for (int c = 0; c < shape_.out_c; ++c) output[c] = weights_->bias[c];
    int64_t block = 0;
    for (int start = 0; start < shape_.out_c; ++start) {
      for (int32_t i = 0; i < weights_->counts[start]; ++i, ++block) {
        const float value = Input(image, y, x, weights_->lanes[block]);
        for (int c = start; c < start + n; ++c)
          output[c] += weights_->values[block * n + c % n] * value;
      }
    }
    for (int c = 0; c < shape_.out_c; ++c) {
      const float raised = output[c] < range_.min ? range_.min : output[c];
      output[c] = raised > range_.max ? range_.max : raised;
    }
  }

  ConvShape shape_;
  ActivationRange range_;
  std::shared_ptr<const KernelWeights> weights_;
};

}  // namespace

std::unique_ptr<Convolution> MakeReferenceConvolution(const PackedLayerWeights& layer,
                                                      const ConvShape& shape) {
  return std::make_unique<ReferenceConvolution>(layer, shape);
}

}  // namespace ubp
