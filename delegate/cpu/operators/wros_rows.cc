// SPDX-License-Identifier: Apache-2.0
// Some rows of a layer at a time through the WROS kernels, channel-major output. Lane rows come
// from where wros_convolution.cc takes them: the input in place, a panel that a depthwise
// convolution in front fills for each tile, or phase planes, here of the rows at hand.

#include <algorithm>
#include <memory>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/convolution.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/tiling.h"
#include "delegate/cpu/operators/window_operator.h"
#include "delegate/cpu/operators/wros_layer.h"

namespace ubp {
namespace {

class WrosRows : public RowOperator {
 public:
  WrosRows(const PackedLayerWeights& layer, const ConvShape& shape, const ConvLayout& layout,
           const InstructionSet& isa, int max_rows)
      : shape_(shape),
        layout_(layout),
        output_(*layout.output),
        layer_(layer.weights, layer.lanes, RangeOf(layer.activation), isa),
        max_rows_(max_rows),
        vector_width_(isa.vector_width),
        tile_width_(layer_.max_vectors() * isa.vector_width) {
    // Rows above and below the image are in the window that the input is.
    const bool in_place = layout.input && ConvolutionReadsInPlace(shape) &&
                          layout.input->pitch == output_.pitch && layout.input->ColumnsSuit(shape);
    uses_planes_ = !in_place && !layout.depthwise;
  }

  Status Prepare() {
    if (uses_planes_) {
      UBP_RETURN_IF_ERROR(PhasePlanes::Check(shape_, max_rows_, output_.pitch));
      planes_ = PhasePlanes(shape_, max_rows_, output_.pitch);
    }
    return layer_.SetOffsets([this](int lane) { return LaneOffset(lane); }, shape_);
  }

  size_t row_scratch_floats() const override {
    if (uses_planes_) return static_cast<size_t>(planes_.floats());
    return layout_.depthwise ? static_cast<size_t>(shape_.in_c) * tile_width_ : 0;
  }

  size_t prepared_bytes() const override {
    return layer_.prepared_bytes() + (layout_.depthwise ? layout_.depthwise->prepared_bytes() : 0);
  }

  void RunRows(const RowBuffers& buffers, int begin, int end) const override {
    const float* source = uses_planes_ ? FillPlanes(buffers, begin, end) : InputRow(buffers, begin);
    ChannelRows rows = OutputRow(buffers, begin);
    const int pixels = (end - begin - 1) * output_.pitch + shape_.out_w;
    ForEachExactTile(pixels, vector_width_, layer_.max_vectors(), [&](int first, int vectors) {
      const float* tile = source + first;
      if (layout_.depthwise) tile = MakePanel(source, first, vectors, buffers.scratch);
      ChannelRows tile_rows = rows;
      tile_rows.output += first;
      tile_rows.mask += first;
      if (rows.residual != nullptr) tile_rows.residual += first;
      layer_.RunTile(tile, vectors, 0, shape_.out_c, tile_rows);
    });
    // Not tile by tile: they overlap.
    layout_.function.Apply(rows.output, 0, shape_.out_c, rows.output_stride, pixels, rows.mask);
  }

 private:
  // Floats from a tile's source to its row of `lane`.
  int64_t LaneOffset(int lane) const {
    if (uses_planes_) return planes_.LaneOffset(lane);
    if (layout_.depthwise) return int64_t{lane} * tile_width_;
    return InPlaceLaneOffset(shape_, *layout_.input, lane);
  }

  // Pixel (begin, 0) of input plane 0.
  const float* InputRow(const RowBuffers& buffers, int begin) const {
    const PlaneGeometry& geometry = *layout_.input;
    const int64_t row = begin - buffers.input.first_row;
    return buffers.input.data + geometry.lead + row * geometry.pitch;
  }

  // Pixel (begin, 0) of the first channel.
  ChannelRows OutputRow(const RowBuffers& buffers, int begin) const {
    const int64_t row = begin - buffers.output.first_row;
    ChannelRows rows{buffers.output.data + output_.lead + row * output_.pitch,
                     output_.plane_stride};
    rows.mask = output_.mask->data();
    if (layout_.residual) {
      const PlaneGeometry& residual = *layout_.residual;
      const int64_t residual_row = begin - buffers.residual.first_row;
      rows.residual = buffers.residual.data + residual.lead + residual_row * residual.pitch;
      rows.residual_stride = residual.plane_stride;
    }
    return rows;
  }

  const float* FillPlanes(const RowBuffers& buffers, int begin, int end) const {
    float* const planes = buffers.scratch;
    if (layout_.input) {
      for (int unit = 0; unit < planes_.plane_units(); ++unit) {
        planes_.FillFromPlanes(buffers.input, *layout_.input, begin, end, unit, planes);
      }
    } else {
      for (int unit = 0; unit < planes_.image_units(begin, end); ++unit) {
        planes_.FillFromImage(buffers.input, begin, end, unit, planes);
      }
    }
    return planes;
  }

  const float* MakePanel(const float* pixels, int first, int vectors, float* panel) const {
    layout_.depthwise->RunPixels(pixels, 0, shape_.in_c, first, vectors, panel, tile_width_);
    return panel;
  }

  ConvShape shape_;
  ConvLayout layout_;
  PlaneGeometry output_;
  WrosLayer layer_;
  int max_rows_;  // at a time
  int vector_width_;
  int tile_width_;  // pixels of the widest tile: the stride of panels
  bool uses_planes_ = false;
  PhasePlanes planes_;
};

}  // namespace

Status MakeWrosRows(const PackedLayerWeights& layer, const ConvShape& shape,
                    const ConvLayout& layout, const InstructionSet& isa, int max_rows,
                    std::unique_ptr<RowOperator>* row_operator) {
  auto made = std::make_unique<WrosRows>(layer, shape, layout, isa, max_rows);
  UBP_RETURN_IF_ERROR(made->Prepare());
  *row_operator = std::move(made);
  return Status::Ok();
}

}  // namespace ubp
