// SPDX-License-Identifier: Apache-2.0
// Runs a layer through the WROS kernels.
//
// The kernel reads lane rows, the pixels of a tile, and writes channel rows. Lane rows come from
//
//   kPixel     one output pixel that reads one input pixel, NHWC: the input, a lane is one float
//   kPanel     pointwise, NHWC in and out: a panel [in_c][tile], transposed from the tile's pixels
//   kDepthwise a depthwise convolution in front: a panel [in_c][tile] that it computes for the tile
//   kInPlace   channel-major input, stride 1: the input itself, with its own halo
//   kPlanes    all others: zero-padded phase planes of the whole image, made first (phase_planes.h)
//
// Channel rows go straight into a channel-major output; for an NHWC output into a small buffer that
// is transposed while it is in the cache.
//
// Work is divided into jobs of one tile and one range of output channels. There are several ranges
// where the weights exceed a cache, or where tiles are too few for all threads; panels are then
// made in a loop of their own before.

#include <algorithm>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/convolution.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/rearrange.h"
#include "delegate/cpu/operators/tiling.h"
#include "delegate/cpu/operators/window_operator.h"
#include "delegate/cpu/operators/wros_layer.h"

namespace ubp {
namespace {

constexpr int kEnoughTiles = 8;
// Of weights that are read once for each tile.
constexpr size_t kRangeBytes = 384 * 1024;
// Channels of a panel made by one job where panels are made before: whole cache lines.
constexpr int kChannelsPerPack = 64;
// Channels computed before they are transposed: few enough for their rows to stay in the cache.
constexpr int kChannelsPerStore = 128;

size_t WholeLines(int64_t floats) {
  return RoundUp(static_cast<size_t>(floats), kCacheLineBytes / sizeof(float));
}

class WrosConvolution : public Convolution {
 public:
  WrosConvolution(const PackedLayerWeights& layer, const ConvShape& shape, const ConvLayout& layout,
                  const InstructionSet& isa, int threads)
      : shape_(shape),
        layout_(layout),
        layer_(layer.weights, layer.lanes, RangeOf(layer.activation), isa),
        vector_width_(isa.vector_width),
        threads_(threads) {
    source_ = ChooseSource();
    pitch_ = ChoosePitch();
  }

  Status Prepare() {
    if (source_ == Source::kPlanes) {
      UBP_RETURN_IF_ERROR(PhasePlanes::Check(shape_, shape_.out_h, pitch_));
      planes_ = PhasePlanes(shape_, shape_.out_h, static_cast<int>(pitch_));
    }
    MakeTiles();
    MakeRanges();
    return layer_.SetOffsets([this](int lane) { return LaneOffset(lane); }, shape_);
  }

  size_t scratch_floats() const override {
    return PanelFloats() * num_panels_ + PlaneFloats() + RowFloats() * threads_;
  }

  size_t prepared_bytes() const override {
    const size_t depthwise = layout_.depthwise ? layout_.depthwise->prepared_bytes() : 0;
    return layer_.prepared_bytes() + depthwise;
  }

  void Run(const ConvBuffers& buffers, ThreadPool* pool) const override {
    const int64_t in_image = ImageFloats(layout_.input, shape_.in_h, shape_.in_w, shape_.in_c);
    const int64_t out_image = ImageFloats(layout_.output, shape_.out_h, shape_.out_w, shape_.out_c);
    ConvBuffers image = buffers;
    for (int i = 0; i < images_; ++i) {
      RunImage(image, pool);
      image.input += in_image;
      image.output += out_image;
      if (image.residual != nullptr) image.residual += out_image;
    }
  }

 private:
  enum class Source { kPixel, kPanel, kDepthwise, kInPlace, kPlanes };

  static int64_t ImageFloats(const std::optional<PlaneGeometry>& geometry, int h, int w, int c) {
    return geometry ? geometry->plane_stride * c : int64_t{h} * w * c;
  }

  Source ChooseSource() const {
    if (layout_.depthwise) return Source::kDepthwise;
    if (layout_.input) {
      const bool same_pitch = !layout_.output || layout_.output->pitch == layout_.input->pitch;
      const bool in_place =
          ConvolutionReadsInPlace(shape_) && same_pitch && layout_.input->Suits(shape_);
      return in_place ? Source::kInPlace : Source::kPlanes;
    }
    if (!shape_.pointwise() || layout_.output) return Source::kPlanes;
    return shape_.out_pixels() == 1 ? Source::kPixel : Source::kPanel;
  }

  // From one output row to the next in flat pixels; panels have no junk.
  int64_t ChoosePitch() const {
    if (source_ == Source::kInPlace || source_ == Source::kDepthwise) return layout_.input->pitch;
    if (layout_.output) return layout_.output->pitch;
    return source_ == Source::kPlanes ? PhasePlanes::MinPitch(shape_) : shape_.out_w;
  }

  void MakeTiles() {
    images_ = shape_.batch;
    int64_t pixels = (shape_.out_h - 1) * pitch_ + shape_.out_w;
    if (source_ == Source::kPanel) {  // the pixels of all images as those of one
      images_ = 1;
      pixels = shape_.out_pixels();
    }
    tiles_ = DividePixels(static_cast<int>(pixels), vector_width_, layer_.max_vectors());
    for (const Tile& tile : tiles_)
      tile_width_ = std::max(tile_width_, tile.vectors * vector_width_);
  }

  // As many ranges as threads need where tiles are few; and where every tile reads the weights anew,
  // as many as it takes for those of a range to stay in the cache until the last tile.
  void MakeRanges() {
    const int tiles = static_cast<int>(tiles_.size());
    const bool enough = threads_ == 1 || tiles >= kEnoughTiles || tiles % threads_ == 0;
    const bool is_read_again = tiles > 1 && !HasPanels();
    const size_t for_cache = is_read_again ? layer_.bytes_per_tile() / kRangeBytes + 1 : 1;
    bounds_ = DivideChannels(layer_.counts(), layer_.block_size(),
                             std::max(enough ? 1 : threads_, static_cast<int>(for_cache)));
    const bool packed_before = num_ranges() > 1;
    num_panels_ = HasPanels() ? (packed_before ? tiles : threads_) : 0;
  }

  bool HasPanels() const { return source_ == Source::kPanel || source_ == Source::kDepthwise; }
  int num_ranges() const { return static_cast<int>(bounds_.size()) - 1; }
  size_t PanelFloats() const { return WholeLines(int64_t{shape_.in_c} * tile_width_); }
  size_t PlaneFloats() const {
    return source_ == Source::kPlanes ? WholeLines(planes_.floats()) : 0;
  }
  size_t RowFloats() const {
    return layout_.output || source_ == Source::kPixel
               ? 0
               : WholeLines(int64_t{kChannelsPerStore} * tile_width_);
  }

  // Floats from a tile's input pointer to its row of `lane`.
  int64_t LaneOffset(int lane) const {
    switch (source_) {
      case Source::kPixel:
        return lane;
      case Source::kPanel:
      case Source::kDepthwise:
        return int64_t{lane} * tile_width_;
      case Source::kPlanes:
        return planes_.LaneOffset(lane);
      case Source::kInPlace:
        break;
    }
    return layout_.input->lead + InPlaceLaneOffset(shape_, *layout_.input, lane);
  }

  void RunImage(const ConvBuffers& buffers, ThreadPool* pool) const {
    float* const panels = buffers.scratch;
    float* const planes = panels + PanelFloats() * num_panels_;
    float* const rows = planes + PlaneFloats();
    const int tiles = static_cast<int>(tiles_.size());
    const int ranges = num_ranges();
    const bool pack_first = HasPanels() && ranges > 1;
    if (source_ == Source::kPlanes) {
      FillPlanes(buffers.input, planes, pool);
    } else if (pack_first) {
      const int packs = (shape_.in_c + kChannelsPerPack - 1) / kChannelsPerPack;
      pool->Run(tiles * packs, [&](int job, int) {
        const int begin = job % packs * kChannelsPerPack;
        const int end = std::min(begin + kChannelsPerPack, shape_.in_c);
        float* const panel = panels + job / packs * PanelFloats();
        MakePanel(buffers.input, tiles_[job / packs], begin, end, panel);
      });
    }
    pool->Run(tiles * ranges, [&](int job, int thread) {
      const Tile& tile = tiles_[job % tiles];
      const float* source = buffers.input;
      if (source_ == Source::kPlanes) {
        source = planes + tile.first_pixel;
      } else if (source_ == Source::kInPlace) {
        source += tile.first_pixel;
      } else if (HasPanels()) {
        float* const panel = panels + (pack_first ? job % tiles : thread) * PanelFloats();
        if (!pack_first) MakePanel(buffers.input, tile, 0, shape_.in_c, panel);
        source = panel;
      }
      RunRange(source, tile, job / tiles, buffers, rows + thread * RowFloats());
    });
  }

  void FillPlanes(const float* input, float* planes, ThreadPool* pool) const {
    const int rows = shape_.out_h;
    if (layout_.input) {
      pool->Run(planes_.plane_units(), [&](int unit, int) {
        planes_.FillFromPlanes({input, 0}, *layout_.input, 0, rows, unit, planes);
      });
    } else {
      pool->Run(planes_.image_units(0, rows), [&](int unit, int) {
        planes_.FillFromImage({input, 0}, 0, rows, unit, planes);
      });
    }
  }

  // Channels [begin, end) of a tile's panel.
  void MakePanel(const float* input, const Tile& tile, int begin, int end, float* panel) const {
    float* const rows = panel + int64_t{begin} * tile_width_;
    if (source_ == Source::kPanel) {
      const float* const pixels = input + int64_t{tile.first_pixel} * shape_.in_c + begin;
      Transpose(pixels, shape_.in_c, tile.pixels, end - begin, rows, tile_width_);
      return;
    }
    layout_.depthwise->RunPixels(input + layout_.input->lead, begin, end, tile.first_pixel,
                                 tile.vectors, rows, tile_width_);
  }

  void RunRange(const float* source, const Tile& tile, int range, const ConvBuffers& buffers,
                float* rows) const {
    const int begin = bounds_[range];
    const int end = bounds_[range + 1];
    if (layout_.output) {
      RunIntoPlanes(source, tile, begin, end, buffers);
    } else if (source_ == Source::kPixel) {
      layer_.RunPixel(source, begin, end, buffers.output + begin);
      layout_.function.ApplyToPixel(buffers.output + begin, begin, end);
    } else {
      for (int first = begin; first < end; first += kChannelsPerStore) {
        const int last = std::min(first + kChannelsPerStore, end);
        RunTile(source, tile, first, last, ChannelRows{rows, tile_width_});
        StoreRows(rows, tile, first, last, buffers.output);
      }
    }
  }

  void RunIntoPlanes(const float* source, const Tile& tile, int begin, int end,
                     const ConvBuffers& buffers) const {
    const PlaneGeometry& geometry = *layout_.output;
    const int64_t first = begin * geometry.plane_stride + geometry.lead + tile.first_pixel;
    ChannelRows rows{buffers.output + first, geometry.plane_stride};
    if (layout_.residual) {
      const PlaneGeometry& residual = *layout_.residual;
      rows.residual_stride = residual.plane_stride;
      rows.residual =
          buffers.residual + begin * residual.plane_stride + residual.lead + tile.first_pixel;
    }
    rows.mask = geometry.mask->data() + tile.first_pixel;
    RunTile(source, tile, begin, end, rows);
  }

  void RunTile(const float* source, const Tile& tile, int begin, int end,
               const ChannelRows& rows) const {
    layer_.RunTile(source, tile.vectors, begin, end, rows);
    layout_.function.Apply(rows.output, begin, end, rows.output_stride,
                           ptrdiff_t{tile.vectors} * vector_width_, rows.mask);
  }

  // Transposes channel rows of a tile into the NHWC output, leaving out junk pixels.
  void StoreRows(const float* rows, const Tile& tile, int begin, int end, float* output) const {
    const bool contiguous = pitch_ == shape_.out_w;
    int p = tile.first_pixel;
    const int last = tile.first_pixel + tile.pixels;
    while (p < last) {
      const int x = contiguous ? 0 : static_cast<int>(p % pitch_);
      const int run = contiguous ? last - p : std::min(shape_.out_w - x, last - p);
      if (run > 0) {
        const int64_t pixel = contiguous ? p : p / pitch_ * shape_.out_w + x;
        Transpose(rows + (p - tile.first_pixel), tile_width_, end - begin, run,
                  output + pixel * shape_.out_c + begin, shape_.out_c);
      }
      p += contiguous ? run : static_cast<int>(pitch_) - x;
    }
  }

  ConvShape shape_;
  ConvLayout layout_;
  WrosLayer layer_;
  int vector_width_;
  int threads_;
  Source source_;
  int64_t pitch_;
  int images_ = 1;      // run one after the other
  int tile_width_ = 0;  // pixels of the widest tile, whole vectors: the stride of panels and rows
  PhasePlanes planes_;
  std::vector<Tile> tiles_;
  std::vector<int> bounds_;  // of the ranges of output channels
  size_t num_panels_ = 0;
};

}  // namespace

Status MakeWrosConvolution(const PackedLayerWeights& layer, const ConvShape& shape,
                           const ConvLayout& layout, const InstructionSet& isa, int threads,
                           std::unique_ptr<Convolution>* convolution) {
  auto made = std::make_unique<WrosConvolution>(layer, shape, layout, isa, threads);
  UBP_RETURN_IF_ERROR(made->Prepare());
  *convolution = std::move(made);
  return Status::Ok();
}

}  // namespace ubp
