// SPDX-License-Identifier: Apache-2.0
// One convolution layer as a benchmark runs it: several sets of weights for the same activations,
// prepared by the engine as inside a chain of layers. So all tensors are channel-major but a
// network's input and those of one pixel, and a 1x1 layer of stride 2 or more reads a tensor that
// holds the pixels it needs, with stride 1: the layer before computes no others
// (delegate/rewrite/skip_dead_pixels.h).
#ifndef UBP_DELEGATE_BENCH_LAYER_CASE_H_
#define UBP_DELEGATE_BENCH_LAYER_CASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/convolution.h"

namespace ubp {

// What a case is made of.
struct LayerCaseSpec {
  const InstructionSet* isa = nullptr;
  int threads = 1;
  int in_h = 0;
  int in_w = 0;
  bool image_input = false;  // the layer is the first of a network, and reads an NHWC image
  // For each variant STEM, the files STEM.options and STEM.packed: custom_options and packed
  // weights of a UbpConv2D without bias (docs/packed-format.md). All are of layers of one shape.
  std::vector<std::string> stems;
};

// Not reentrant: all variants share their activations.
class LayerCase {
 public:
  // Reads and checks the files, at least one. The input is random.
  static Status Make(const LayerCaseSpec& spec, std::unique_ptr<LayerCase>* layer_case);

  int variants() const { return static_cast<int>(variants_.size()); }
  // Multiply-adds with weights in blocks that one run of the variant has to do.
  int64_t multiply_adds(int variant) const { return variants_[variant]->multiply_adds; }
  void Run(int variant);
  // The threads that run the variants.
  ThreadPool* pool() { return &pool_; }

  const ConvShape& shape() const { return shape_; }  // as the layer is run
  // The output of the latest run, [out_h, out_w, out_c].
  std::vector<float> Output();
  // The input, [in_h, in_w, in_c] of shape().
  const std::vector<float>& input() const { return image_; }

 private:
  struct Variant {
    std::vector<uint8_t> options;
    std::vector<uint8_t> packed;
    LayerWeights weights;  // refers to `packed`
    std::unique_ptr<Convolution> convolution;
    int64_t multiply_adds = 0;
  };

  explicit LayerCase(int threads) : pool_(threads) {}
  static Status ReadVariant(const std::string& stem, Variant* variant);
  Status AddVariant(const LayerCaseSpec& spec, const std::string& stem);
  void MakeActivations();

  ThreadPool pool_;
  ConvShape shape_{};
  ConvLayout layout_;
  std::vector<std::unique_ptr<Variant>> variants_;
  std::vector<float> image_;
  AlignedBuffer input_;
  AlignedBuffer output_;
  AlignedBuffer scratch_;  // for the variant that needs most
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BENCH_LAYER_CASE_H_
