// SPDX-License-Identifier: Apache-2.0
// A layer's packed weights bound to a shape, and the call of the WROS kernels.
#ifndef UBP_DELEGATE_CPU_OPERATORS_WROS_LAYER_H_
#define UBP_DELEGATE_CPU_OPERATORS_WROS_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/weights/weights.h"

namespace ubp {

// Channel rows that a kernel writes: WrosArgs's members of these names, from the first channel on;
// without a mask, all pixels of the tile.
struct ChannelRows {
  float* output;
  ptrdiff_t output_stride;
  const float* residual = nullptr;
  ptrdiff_t residual_stride = 0;
  const uint32_t* mask = nullptr;
};

class WrosLayer {
 public:
  // `weights` are of a layer with `lanes` lanes, in blocks that `isa` has kernels for.
  WrosLayer(std::shared_ptr<const KernelWeights> weights, int lanes, ActivationRange range,
            const InstructionSet& isa);

  // Says where the kernels find a lane: `lane_offset(lane)` floats from the source they are given.
  // To be called once, before any Run. Fails when an offset does not fit into 32 bits, which can only
  // be for the size of the input in `shape`.
  Status SetOffsets(const std::function<int64_t(int lane)>& lane_offset, const ConvShape& shape);

  int block_size() const { return weights_->block_size; }
  int max_vectors() const { return kernels_.max_vectors; }
  const std::vector<int32_t>& counts() const { return weights_->counts; }
  // Of weights that are read once for each tile: those that are not where the model has them.
  size_t bytes_per_tile() const {
    return weights_->bytes_but_lanes() + sizeof(int32_t) * weights_->lanes.size();
  }
  // Memory held for this shape.
  size_t prepared_bytes() const { return sizeof(int32_t) * offsets_.size(); }

  // Output channels [begin, end) of a tile of `vectors` vectors of pixels, or of one pixel. `begin`
  // is a multiple of the block size.
  void RunTile(const float* source, int vectors, int begin, int end, const ChannelRows& rows) const;
  void RunPixel(const float* source, int begin, int end, float* output) const;

 private:
  void Run(WrosKernel kernel, const float* source, int begin, int end,
           const ChannelRows& rows) const;

  ActivationRange range_;
  const BlockKernels& kernels_;
  int num_lanes_;
  std::shared_ptr<const KernelWeights> weights_;
  std::vector<int32_t> offsets_;      // bytes, per block, and kOffsetsBeyond more
  std::vector<uint32_t> all_pixels_;  // the mask of whole tiles
};

// Floats from pixel (y, x) of plane 0 to what `lane` reads for output pixel (y, x): of a layer of
// stride 1 that reads planes of geometry `input` in place.
int64_t InPlaceLaneOffset(const ConvShape& shape, const PlaneGeometry& input, int lane);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_WROS_LAYER_H_
