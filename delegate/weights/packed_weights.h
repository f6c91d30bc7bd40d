// SPDX-License-Identifier: Apache-2.0
// The weights of a graph's layers in the form the kernels read: packed once, whatever the shapes that
// the graph is run in.
#ifndef UBP_DELEGATE_WEIGHTS_PACKED_WEIGHTS_H_
#define UBP_DELEGATE_WEIGHTS_PACKED_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/weights/quad_weights.h"
#include "delegate/weights/weights.h"

namespace ubp {

// Of a depthwise convolution.
struct DepthwiseWeights {
  std::vector<float> weights;  // [channels, taps]
  std::vector<float> bias;     // [channels], zeros where there is none

  size_t bytes() const { return sizeof(float) * (weights.size() + bias.size()); }
};

// From weights [taps, channels] and a bias [channels], or null.
DepthwiseWeights PackDepthwise(const float* weights, const float* bias, int taps, int channels);

// Not thread-safe. What it gives out stays as long as someone holds it. Layers are known by their
// address: a PackedWeights goes with one graph, which does not change.
class PackedWeights {
 public:
  // A convolution or fully-connected layer in blocks of `block_size`; fails as MakeKernelWeights does.
  // Which sizes a layer runs in may depend on shapes: a small dense layer runs without blocks.
  Status Blocks(const GraphOp& op, int block_size, std::shared_ptr<const KernelWeights>* weights);

  std::shared_ptr<const DepthwiseWeights> Depthwise(const GraphOp& op);

  // Those of int8 ops; `quantization` is the same in every call for one op, and so is `block_size`: a
  // converted layer's own. Fails as TakePackedQuads does.
  Status Quads(const GraphOp& op, int block_size, const QuadQuantization& quantization,
               std::shared_ptr<const QuadWeights>* weights);
  std::shared_ptr<const QuadDepthwiseWeights> QuadDepthwise(const GraphOp& op,
                                                            const QuadQuantization& quantization);

  // Memory held beside the model file.
  size_t bytes() const;
  // How often a layer has been packed so far.
  int64_t packings() const { return packings_; }

 private:
  std::map<std::pair<const GraphOp*, int>, std::shared_ptr<const KernelWeights>> blocks_;
  std::map<const GraphOp*, std::shared_ptr<const DepthwiseWeights>> depthwise_;
  std::map<const GraphOp*, std::shared_ptr<const QuadWeights>> quads_;
  std::map<const GraphOp*, std::shared_ptr<const QuadDepthwiseWeights>> quad_depthwise_;
  int64_t packings_ = 0;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_WEIGHTS_PACKED_WEIGHTS_H_
