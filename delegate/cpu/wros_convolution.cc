// Runs a layer through the WROS kernels, NHWC in and out.
//
// A tile of pixels is brought into lane rows, the kernel computes channel rows of that tile into a
// small buffer, and the buffer is transposed back into NHWC while it is in the cache. Where the
// lane rows come from:
//
//   kPixel    one output pixel that reads one input pixel: the input itself, a lane is one float
//   kPanel    1x1 convolutions: a panel [in_c][tile] per tile, transposed from its NHWC pixels
//   kPlanes   all others: zero-padded planes of the whole image (planes.h)
//
// Work is divided into jobs of one tile and one range of output channels. With enough tiles for all
// threads there is one range; otherwise the channels are divided too, and the lane rows are made in
// a loop of their own before.

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "delegate/common/aligned_buffer.h"
#include "delegate/cpu/convolution.h"
#include "delegate/cpu/planes.h"
#include "delegate/cpu/tiling.h"
#include "delegate/cpu/transpose.h"
#include "delegate/cpu/weights.h"

namespace ubp {
namespace {

constexpr int kEnoughTiles = 8;
// Channels computed before they are transposed: few enough for their rows to stay in the cache.
constexpr int kChannelsPerStore = 128;

size_t WholeLines(int64_t floats) {
  return RoundUp(static_cast<size_t>(floats), kCacheLineBytes / sizeof(float));
}

class WrosConvolution : public Convolution {
 public:
  WrosConvolution(const PackedLayer& layer, const ConvShape& shape, const KernelFamily& family,
                  int threads)
      : shape_(shape),
        range_(RangeOf(layer.attributes().activation)),
        kernels_(family.KernelsFor(layer.attributes().block_size)),
        weights_(MakeKernelWeights(layer, kernels_.block_size)),
        threads_(threads) {
    source_ = ChooseSource();
    MakeTiles(family.vector_width);
    MakeRanges();
  }

  // Fails when an offset does not fit into 32 bits.
  Status MakeOffsets() {
    offsets_.reserve(weights_.lanes.size());
    for (const int32_t lane : weights_.lanes) {
      const int64_t bytes = LaneOffset(lane) * static_cast<int64_t>(sizeof(float));
      if (bytes > std::numeric_limits<int32_t>::max()) {
        return Status::Error("an input of " + std::to_string(shape_.in_h) + " x " +
                             std::to_string(shape_.in_w) + " x " + std::to_string(shape_.in_c) +
                             " is too large for this delegate: its padded planes exceed 2 GiB.");
      }
      offsets_.push_back(static_cast<int32_t>(bytes));
    }
    weights_.lanes = {};
    return Status::Ok();
  }

  size_t scratch_floats() const override {
    return PanelFloats() * num_panels_ + PlaneFloats() + OutputFloats() * threads_;
  }

  size_t weight_bytes() const override {
    return weights_.bytes() + sizeof(int32_t) * offsets_.size();
  }

  void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const override {
    const int64_t in_image = int64_t{shape_.in_h} * shape_.in_w * shape_.in_c;
    const int64_t out_image = int64_t{shape_.out_h} * shape_.out_w * shape_.out_c;
    for (int image = 0; image < images_; ++image) {
      RunImage(input + image * in_image, output + image * out_image, scratch, pool);
    }
  }

 private:
  enum class Source { kPixel, kPanel, kPlanes };

  Source ChooseSource() const {
    if (!shape_.pointwise()) return Source::kPlanes;
    return shape_.out_pixels() == 1 ? Source::kPixel : Source::kPanel;
  }

  void MakeTiles(int vector_width) {
    images_ = source_ == Source::kPlanes ? shape_.batch : 1;
    if (source_ == Source::kPlanes) {
      planes_ = Planes(shape_, kernels_.max_vectors * vector_width);
      tiles_ = DividePixels(planes_.flat_pixels(), vector_width, kernels_.max_vectors);
    } else if (source_ == Source::kPanel) {
      tiles_ =
          DividePixels(static_cast<int>(shape_.out_pixels()), vector_width, kernels_.max_vectors);
    } else {
      tiles_ = {{0, 0, 1}};
    }
    for (const Tile& tile : tiles_)
      tile_width_ = std::max(tile_width_, tile.vectors * vector_width);
  }

  void MakeRanges() {
    const int tiles = static_cast<int>(tiles_.size());
    const bool enough = threads_ == 1 || tiles >= kEnoughTiles || tiles % threads_ == 0;
    bounds_ = DivideChannels(weights_.counts, weights_.block_size, enough ? 1 : threads_);
    const bool packed_before = num_ranges() > 1;
    num_panels_ = source_ == Source::kPanel ? (packed_before ? tiles : threads_) : 0;
  }

  int num_ranges() const { return static_cast<int>(bounds_.size()) - 1; }
  size_t PanelFloats() const { return WholeLines(int64_t{shape_.in_c} * tile_width_); }
  size_t PlaneFloats() const {
    return source_ == Source::kPlanes ? WholeLines(planes_.floats()) : 0;
  }
  size_t OutputFloats() const {
    return source_ == Source::kPixel ? 0 : WholeLines(int64_t{kChannelsPerStore} * tile_width_);
  }

  // Floats from a tile's input pointer to its row of `lane`.
  int64_t LaneOffset(int lane) const {
    switch (source_) {
      case Source::kPixel:
        return lane;
      case Source::kPanel:
        return int64_t{lane} * tile_width_;
      case Source::kPlanes:
        return planes_.LaneOffset(lane);
    }
    return 0;
  }

  void RunImage(const float* input, float* output, float* scratch, ThreadPool* pool) const {
    float* const panels = scratch;
    float* const planes = panels + PanelFloats() * num_panels_;
    float* const rows = planes + PlaneFloats();
    const int tiles = static_cast<int>(tiles_.size());
    const int ranges = num_ranges();
    const bool pack_first = source_ == Source::kPanel && ranges > 1;
    if (source_ == Source::kPlanes) {
      pool->Run(planes_.fill_units(), [&](int unit, int) { planes_.Fill(input, unit, planes); });
    } else if (pack_first) {
      pool->Run(tiles,
                [&](int t, int) { PackPanel(input, tiles_[t], panels + t * PanelFloats()); });
    }
    pool->Run(tiles * ranges, [&](int job, int thread) {
      const Tile& tile = tiles_[job / ranges];
      const float* source = input;
      if (source_ == Source::kPlanes) {
        source = planes + tile.first_pixel;
      } else if (source_ == Source::kPanel) {
        float* const panel = panels + (pack_first ? job / ranges : thread) * PanelFloats();
        if (!pack_first) PackPanel(input, tile, panel);
        source = panel;
      }
      RunRange(source, tile, job % ranges, output, rows + thread * OutputFloats());
    });
  }

  void PackPanel(const float* input, const Tile& tile, float* panel) const {
    const float* const pixels = input + int64_t{tile.first_pixel} * shape_.in_c;
    Transpose(pixels, shape_.in_c, tile.pixels, shape_.in_c, panel, tile_width_);
  }

  void RunRange(const float* source, const Tile& tile, int range, float* output,
                float* rows) const {
    if (source_ == Source::kPixel) {
      RunKernel(kernels_.pixel, source, output + bounds_[range], 1, bounds_[range],
                bounds_[range + 1]);
      return;
    }
    const WrosKernel kernel = kernels_.tile[tile.vectors - 1];
    for (int begin = bounds_[range]; begin < bounds_[range + 1]; begin += kChannelsPerStore) {
      const int end = std::min(begin + kChannelsPerStore, bounds_[range + 1]);
      RunKernel(kernel, source, rows, tile_width_, begin, end);
      StoreRows(rows, tile, begin, end, output);
    }
  }

  void RunKernel(WrosKernel kernel, const float* source, float* output, ptrdiff_t output_stride,
                 int begin, int end) const {
    const int first_start = std::max(0, begin - weights_.block_size + 1);
    const int32_t first_block = weights_.first_block[first_start];
    WrosArgs args;
    args.input = source;
    args.output = output;
    args.output_stride = output_stride;
    args.counts = weights_.counts.data() + first_start;
    args.offsets = offsets_.data() + first_block;
    args.values = weights_.values + int64_t{first_block} * weights_.block_size;
    args.bias = weights_.bias.data() + begin;
    args.channel_begin = begin;
    args.channel_end = end;
    args.min = range_.min;
    args.max = range_.max;
    kernel(args);
  }

  // Transposes channel rows of a tile into the NHWC output, leaving out junk pixels.
  void StoreRows(const float* rows, const Tile& tile, int begin, int end, float* output) const {
    const int pitch = source_ == Source::kPlanes ? planes_.pitch() : 0;
    const bool contiguous = source_ == Source::kPanel || pitch == shape_.out_w;
    int p = tile.first_pixel;
    const int last = tile.first_pixel + tile.pixels;
    while (p < last) {
      const int x = contiguous ? 0 : p % pitch;
      const int run = contiguous ? last - p : std::min(shape_.out_w - x, last - p);
      if (run > 0) {
        const int64_t pixel = contiguous ? p : int64_t{p / pitch} * shape_.out_w + x;
        Transpose(rows + (p - tile.first_pixel), tile_width_, end - begin, run,
                  output + pixel * shape_.out_c + begin, shape_.out_c);
      }
      p += contiguous ? run : pitch - x;
    }
  }

  ConvShape shape_;
  ActivationRange range_;
  const BlockKernels& kernels_;
  KernelWeights weights_;
  std::vector<int32_t> offsets_;  // bytes, per block
  int threads_;
  Source source_;
  int images_ =
      1;  // run one after the other; pointwise layers take the batch as pixels of one image
  int tile_width_ =
      0;  // pixels of the widest tile, whole vectors: the stride of panels and of channel rows
  Planes planes_;
  std::vector<Tile> tiles_;
  std::vector<int> bounds_;  // of the ranges of output channels
  size_t num_panels_ = 0;
};

}  // namespace

Status MakeWrosConvolution(const PackedLayer& layer, const ConvShape& shape,
                           const KernelFamily& family, int threads,
                           std::unique_ptr<Convolution>* convolution) {
  auto made = std::make_unique<WrosConvolution>(layer, shape, family, threads);
  UBP_RETURN_IF_ERROR(made->MakeOffsets());
  *convolution = std::move(made);
  return Status::Ok();
}

}  // namespace ubp
