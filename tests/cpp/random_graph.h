// SPDX-License-Identifier: Apache-2.0
// Graphs drawn at random, for tests of what plans and programs compute.
#ifndef UBP_TESTS_CPP_RANDOM_GRAPH_H_
#define UBP_TESTS_CPP_RANDOM_GRAPH_H_

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <random>
#include <vector>

#include "tests/cpp/test_graph.h"

namespace ubp {

// Kept small: the graph computes itself in plain loops.
inline constexpr size_t kMostElements = 6000;
inline constexpr double kMostMultiplyAdds = 400e3;

// A graph drawn operator by operator; the seed decides all.
class RandomGraph {
 public:
  // `on_device`: of what devices run.
  explicit RandomGraph(uint32_t seed, bool on_device = false)
      : random_(seed),
        on_device_(on_device),
        graph_({1 + Below(3), 1 + Below(15), 1 + Below(15), Below(8) ? 1 + Below(12) : 70}) {
    values_.push_back(0);
    const int ops = 2 + Below(8);
    while (values_.size() < static_cast<size_t>(ops)) AddOp();
    graph_.MarkOutput(values_.back());
    for (size_t i = 1; i + 1 < values_.size(); ++i) {
      if (Below(6) == 0) graph_.MarkOutput(values_[i]);
    }
  }

  TestGraph* graph() { return &graph_; }

  PlanRules Rules() {
    PlanRules rules;
    rules.skip_dead_pixels = Below(4) != 0;
    rules.fuse_functions = Below(4) != 0;
    rules.place_concatenations = Below(4) != 0;
    rules.fuse_depthwise = Below(4) != 0;
    rules.use_strips = Below(4) != 0;
    // So small that small tensors are fused and run strip by strip.
    rules.fuse_elements = Below(2) ? 64 : rules.fuse_elements;
    rules.row_buffer_elements = Below(2) ? 64 : rules.row_buffer_elements;
    rules.most_row_buffer_floats = Below(2) ? 4096 : rules.most_row_buffer_floats;
    rules.least_strip_pixels = Below(2) ? 1 : rules.least_strip_pixels;
    return rules;
  }

 private:
  int Below(int end) { return static_cast<int>(random_() % end); }
  template <typename T>
  T Of(std::initializer_list<T> items) {
    return items.begin()[Below(static_cast<int>(items.size()))];
  }
  Activation AnyActivation() { return static_cast<Activation>(Below(2) ? 0 : Below(4)); }

  // Mostly the value made last; one of four dimensions.
  int AnyImage() {
    if (Below(3) && graph_.dims(values_.back()).size() == 4) return values_.back();
    const int value = values_[Below(static_cast<int>(values_.size()))];
    return graph_.dims(value).size() == 4 ? value : 0;
  }

  int AnyLike(int value) {
    std::vector<int> alike;
    for (const int other : values_) {
      if (graph_.dims(other) == graph_.dims(value)) alike.push_back(other);
    }
    return alike[Below(static_cast<int>(alike.size()))];
  }

  void AddOp() {
    const int x = AnyImage();
    switch (Below(16)) {
      case 0:
      case 1:
      case 2:
        return AddConvolution(AnyPads(x));
      case 3:
      case 4:
        return AddWindow(OpType::kDepthwiseConv2D, AnyPads(x));
      case 5:
        return Below(3) ? AddWindow(Of({OpType::kMaxPool2D, OpType::kAveragePool2D}), AnyPads(x))
                        : AddPaddedMaxPool(x);
      case 6:
        AnyPads(x);
        return;
      case 7:
        return Take(graph_.Sum(x, AnyLike(x), AnyActivation()));
      case 8:
        return Take(graph_.WithConstant(Of({OpType::kAdd, OpType::kSub, OpType::kMul}), x,
                                        Below(2) ? 1 : graph_.dims(x)[3], Below(2),
                                        AnyActivation()));
      case 9:
        return Take(graph_.Apply(OpType::kClamp, {x}, AnyActivation()));
      case 10:
        return AddConcatenation(x);
      case 11:
        return AddFunction(x);
      case 12:
        return Resample(x);
      case 13:
        return AddTransposes(x);
      case 14:
        return on_device_ ? AddVector(x) : Normalize(x);
      default:
        return AddVector(x);
    }
  }

  void Take(int value) { values_.push_back(value); }

  // Those that grow fast, of what is clamped.
  void AddFunction(int x) {
    constexpr Elementwise kFunctions[] = {Elementwise::kElu,      Elementwise::kHardSwish,
                                          Elementwise::kGelu,     Elementwise::kGeluTanh,
                                          Elementwise::kLogistic, Elementwise::kTanh};
    if (Below(3) == 0)
      return Take(graph_.Apply({Elementwise::kLeakyRelu}, x, AnyActivation(), true));
    if (Below(3) != 0) return Take(graph_.Apply(kFunctions[Below(6)], x, AnyActivation()));
    Take(x = graph_.Apply(OpType::kClamp, {x}, Activation::kReluN1To1));
    Take(graph_.Softplus(x));
    if (Below(2))
      Take(graph_.Apply(OpType::kMul, {x, graph_.Apply(Elementwise::kTanh, values_.back())}));
  }

  // One way, and at times back at once, or behind something else.
  void AddTransposes(int x) {
    const bool to_nhwc = Below(2);
    Take(x = graph_.Transpose(x, to_nhwc));
    if (Below(3) == 0) return;
    if (Below(2)) Take(x = graph_.Apply(OpType::kClamp, {x}, AnyActivation()));
    Take(graph_.Transpose(x, !to_nhwc));
  }

  // Of what is clamped: the larger its numbers, the more of them is lost.
  void Normalize(int x) {
    Take(x = graph_.Apply(OpType::kClamp, {x}, Activation::kReluN1To1));
    Take(graph_.LayerNorm(x, Below(2), AnyActivation()));
  }

  // To another height and width.
  void Resample(int x) {
    const Dims& d = graph_.dims(x);
    const int block = 1 + Below(3);
    if (d[3] % (block * block) == 0) return Take(graph_.DepthToSpace(x, block));
    if (d[1] % block == 0 && d[2] % block == 0 && Below(2)) {
      return Take(graph_.SpaceToDepth(x, block));
    }
    ResizeOp resize;
    resize.kind = Below(2) ? ResizeKind::kBilinear : ResizeKind::kNearest;
    resize.height = Below(2) ? 2 * d[1] : 1 + Below(2 * d[1] + 2);
    resize.width = Below(2) ? 2 * d[2] : 1 + Below(2 * d[2] + 2);
    const int rule = Below(3);
    resize.align_corners = rule == 1;
    resize.half_pixel_centers = rule == 2;
    const size_t pixels = size_t{1} * d[0] * resize.height * resize.width;
    if (pixels * d[3] <= kMostElements && pixels * d[1] * d[2] <= 1 << 20) {
      Take(graph_.Resize(x, resize));
    }
  }

  // Behind none to three pads, on any sides.
  int AnyPads(int x) {
    for (int pads = Below(4); pads > 0; --pads) {
      const Pads amounts = {Below(3), Below(4), Below(3), Below(4)};
      const Dims& d = graph_.dims(x);
      if (int64_t{d[0]} * (d[1] + 6) * (d[2] + 6) * d[3] > int64_t{kMostElements}) break;
      const float value = Of({0.0f, 0.0f, 0.0f, 0.75f, -1.5f});
      Take(
          x = graph_.Pad(x, Below(2) ? amounts : Pads{0, amounts.bottom, 0, amounts.right}, value));
    }
    return x;
  }

  LayerAttributes AnyWindow() {
    LayerAttributes spec;
    spec.kernel_h = Of({1, 1, 2, 3, 3, 5});
    spec.kernel_w = Below(2) ? spec.kernel_h : Of({1, 2, 3, 4});
    if (Below(3) == 0) spec.kernel_h = spec.kernel_w = 1;
    spec.stride_h = Of({1, 1, 1, 2, 3});
    spec.stride_w = Below(3) ? spec.stride_h : Of({1, 2, 4});
    spec.padding = Of({Padding::kSame, Padding::kValid});
    spec.activation = AnyActivation();
    return spec;
  }

  // Whether an input has a window of `spec` inside, and not too much is to be computed.
  bool Suits(const LayerAttributes& spec, int x, int channels, int lanes) {
    const Dims& d = graph_.dims(x);
    const int rows =
        CountWindows(d[1], spec.kernel_h, spec.stride_h, spec.dilation_h, spec.padding).count;
    const int columns =
        CountWindows(d[2], spec.kernel_w, spec.stride_w, spec.dilation_w, spec.padding).count;
    const double pixels = 1.0 * d[0] * rows * columns;
    return pixels >= 1 && pixels * channels <= kMostElements &&
           pixels * channels * lanes <= kMostMultiplyAdds;
  }

  void AddConvolution(int x) {
    LayerAttributes spec = AnyWindow();
    if (Below(3) == 0) spec.dilation_h = spec.dilation_w = 1 + Below(3);
    spec.out_channels = Below(10) ? 1 + Below(20) : 130;
    const bool sparse = Below(2);
    spec.block_size = sparse ? std::min(Of({1, 2, 4, 8, 16}), spec.out_channels) : 1;
    while ((spec.block_size & (spec.block_size - 1)) != 0) --spec.block_size;
    spec.in_channels = graph_.dims(x)[3];
    if (!Suits(spec, x, spec.out_channels, spec.lanes())) return;
    Take(graph_.Convolve(x, spec, sparse));
  }

  void AddWindow(OpType type, int x) {
    LayerAttributes spec = AnyWindow();
    if (type == OpType::kDepthwiseConv2D && Below(3) == 0) spec.dilation_h = 1 + Below(3);
    const int channels = graph_.dims(x)[3];
    if (!Suits(spec, x, channels, spec.kernel_h * spec.kernel_w)) return;
    Take(type == OpType::kDepthwiseConv2D ? graph_.Depthwise(x, spec) : graph_.Pool(type, x, spec));
  }

  // Behind padding that a maximum ignores, as PyTorch has it; every window has a pixel inside.
  void AddPaddedMaxPool(int x) {
    LayerAttributes spec = AnyWindow();
    spec.padding = Padding::kValid;
    const Pads pads = {Below(spec.kernel_h), Below(spec.kernel_h), Below(spec.kernel_w),
                       Below(spec.kernel_w)};
    const Dims d = graph_.dims(x);
    const int64_t pixels = int64_t{d[1] + 2 * spec.kernel_h} * (d[2] + 2 * spec.kernel_w);
    if (d[0] * pixels * d[3] > int64_t{kMostElements}) return;
    const int padded = graph_.Pad(x, pads, -std::numeric_limits<float>::infinity());
    if (Suits(spec, padded, d[3], spec.kernel_h * spec.kernel_w)) {
      Take(graph_.Pool(OpType::kMaxPool2D, padded, spec));
    }
  }

  void AddConcatenation(int x) {
    const Dims& d = graph_.dims(x);
    std::vector<int> inputs = {x};
    for (const int other : values_) {
      const Dims& o = graph_.dims(other);
      if (Below(2) && o.size() == 4 && std::equal(o.begin(), o.end() - 1, d.begin())) {
        inputs.push_back(other);
      }
    }
    const size_t pixels = Elements(d) / d[3];
    size_t channels = 0;
    for (const int input : inputs) channels += graph_.dims(input)[3];
    if (pixels * channels <= kMostElements) Take(graph_.Apply(OpType::kConcatenation, inputs));
  }

  // A number for each channel, which an image is multiplied by, or what classifies it.
  void AddVector(int x) {
    const bool keep = Below(2);
    const int mean = graph_.Mean(x, keep);
    Take(mean);
    if (keep) return Take(graph_.Apply(OpType::kMul, {x, mean}));
    const int logits = graph_.Dense(mean, 2 + Below(9), Below(2));
    Take(logits);
    if (Below(2)) Take(graph_.Apply(OpType::kSoftmax, {logits}));
  }

  std::mt19937 random_;
  bool on_device_;
  TestGraph graph_;
  std::vector<int> values_;
};

}  // namespace ubp

#endif  // UBP_TESTS_CPP_RANDOM_GRAPH_H_
