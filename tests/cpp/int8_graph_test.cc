// SPDX-License-Identifier: Apache-2.0
// Random int8 graphs: their plans compute what plain loops over NHWC tensors compute, with all kernels
// that run here and any number of threads. What single operators compute, and that it is what the
// interpreter computes, other tests know; here it is forms, halos, memory and the way from one to the
// next.

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "delegate/base/thread_pool.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/plan.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/dims.h"
#include "delegate/rewrite/lower_transpose_conv.h"
#include "gtest/gtest.h"
#include "tests/cpp/quad_layer.h"

namespace ubp {
namespace {

using Bytes = std::vector<int8_t>;

constexpr int64_t kMostElements = 6000;

// A graph with an input, drawn operator by operator, and the value of each tensor.
class RandomInt8Graph {
 public:
  explicit RandomInt8Graph(uint32_t seed) : random_(seed) {
    const Dims dims = {1 + Below(2), 1 + Below(20), 1 + Below(20), 1 + Below(20)};
    AddTensor(dims, AnyQuantization());
    graph_.tensors[0].storage = Storage::kInput;
    Bytes& input = values_[0];
    input.resize(ElementsOf(dims));
    for (int8_t& value : input) value = static_cast<int8_t>(Below(256) - 128);
    for (int i = 2 + Below(6); i > 0 || graph_.ops.empty(); --i) AddOp();
    graph_.tensors.back().storage = Storage::kOutput;
    for (size_t t = 1; t < graph_.tensors.size(); ++t) {
      if (Below(5) == 0) graph_.tensors[t].storage = Storage::kOutput;
    }
    LowerTransposeConvs(&graph_);  // its new tensors are behind the others
  }

  // What a plan makes of all outputs; of others what is expected.
  std::vector<Bytes> Run(const Int8Kernels& kernels, int threads) {
    PlanOptions options;
    options.isa = &BestInstructionSet();
    options.int8 = &kernels;
    options.threads = threads;
    options.rules.place_concatenations = Below(3) != 0;
    std::vector<Dims> dims(graph_.tensors.size());
    dims[0] = dims_[0];
    std::unique_ptr<Plan> plan;
    PackedWeights weights;
    const Status status = Plan::Make(graph_, options, &weights, &dims, &plan);
    EXPECT_TRUE(status.ok()) << status.message();
    std::vector<Bytes> results = values_;
    if (!status.ok()) return results;
    std::vector<void*> memory(dims.size(), nullptr);
    for (size_t t = 0; t < dims_.size(); ++t) {
      if (graph_.tensors[t].storage == Storage::kInternal) continue;
      EXPECT_EQ(dims[t], dims_[t]);
      if (t > 0) std::fill(results[t].begin(), results[t].end(), int8_t{77});
      memory[t] = results[t].data();
    }
    ThreadPool pool(threads);
    for (int run = 0; run < 2; ++run) plan->Run(memory, &pool);
    return results;
  }

  const std::vector<Bytes>& values() const { return values_; }

 private:
  int Below(int end) { return static_cast<int>(random_() % static_cast<uint32_t>(end)); }

  Quantization AnyQuantization() {
    return {0.01f * static_cast<float>(1 + Below(20)), Below(256) - 128};
  }

  int AddTensor(const Dims& dims, const Quantization& quantization) {
    graph_.tensors.push_back(
        {Storage::kInternal, static_cast<int>(dims_.size()), {ElementType::kInt8, quantization}});
    dims_.push_back(dims);
    values_.emplace_back();
    return static_cast<int>(dims_.size()) - 1;
  }

  // Of an op that reads `inputs` and writes a new tensor.
  void Add(OpDetails details, std::vector<int> inputs, const Dims& dims,
           const Quantization& quantization, Activation activation, Bytes value) {
    GraphOp op;
    op.label = "op " + std::to_string(graph_.ops.size());
    op.node = static_cast<int>(graph_.ops.size());
    op.inputs = std::move(inputs);
    op.elements = ElementType::kInt8;
    op.activation = activation;
    op.details = std::move(details);
    op.output = AddTensor(dims, quantization);
    values_[op.output] = std::move(value);
    graph_.ops.push_back(std::move(op));
  }

  void AddOp() {
    int x = static_cast<int>(dims_.size()) - 1;
    if (Below(3) == 0) x = Below(x + 1);
    if (dims_[x].size() != 4) x = 0;
    switch (Below(8)) {
      case 0:
        return AddPad(x);
      case 1:
        return AddConcatenation(x);
      case 2:
        return AddLayer(x, true);
      case 3:
        return AddMaxPool(x);
      case 4:
        return AddTransposed(x);
      default:
        return AddLayer(x, false);
    }
  }

  void AddPad(int x) {
    const Dims& d = dims_[x];
    const Pads pads = {Below(3), Below(3), Below(3), Below(3)};
    const Dims dims = {d[0], d[1] + pads.top + pads.bottom, d[2] + pads.left + pads.right, d[3]};
    const Quantization quantization = graph_.tensors[x].type.quantization;
    if (ElementsOf(dims) > kMostElements) return;
    const int zero_point = quantization.zero_point;
    const int number = Below(3) == 0 ? Below(256) - 128 : Below(2) ? zero_point : -128;
    const bool is_least = number == -128 && number != zero_point;
    const float value = is_least ? -INFINITY : static_cast<float>(number - zero_point);
    Add(PadOp{{}, pads, value}, {x}, dims, quantization, Activation::kNone,
        Padded(x, pads, dims, number));
  }

  // Tensor x with a number around it.
  Bytes Padded(int x, const Pads& pads, const Dims& dims, int number) const {
    const Dims& d = dims_[x];
    Bytes value(ElementsOf(dims), static_cast<int8_t>(number));
    for (int row = 0; row < d[0] * d[1]; ++row) {
      const int image = row / d[1];
      const int64_t to = (int64_t{image} * dims[1] + row % d[1] + pads.top) * dims[2] + pads.left;
      std::copy_n(values_[x].begin() + int64_t{row} * d[2] * d[3], d[2] * d[3],
                  value.begin() + to * d[3]);
    }
    return value;
  }

  // A convolution of stride 1 whose channels are the pixels of blocks.
  void AddTransposed(int x) {
    const Dims& d = dims_[x];
    const Pads pads = {Below(2), Below(2), Below(2), Below(2)};
    const Dims padded = {d[0], d[1] + pads.top + pads.bottom, d[2] + pads.left + pads.right, d[3]};
    DepthToSpaceOp blocks;
    blocks.block_h = 1 + Below(3);
    blocks.block_w = 1 + Below(3);
    blocks.crop = {Below(2), Below(2), Below(2), Below(2)};
    const int channels = 1 + Below(9);
    blocks.unused = (4 - channels % 4) % 4;
    LayerAttributes attributes;
    attributes.in_channels = d[3];
    attributes.out_channels = blocks.block_h * blocks.block_w * (channels + blocks.unused);
    attributes.kernel_h = 1 + Below(3);
    attributes.kernel_w = 1 + Below(2);
    attributes.padding = Padding::kValid;
    ConvShape shape{};
    if (!MakeConvShape(attributes, padded[0], padded[1], padded[2], &shape).ok()) return;
    const Dims dims = {d[0], shape.out_h * blocks.block_h - blocks.crop.top - blocks.crop.bottom,
                       shape.out_w * blocks.block_w - blocks.crop.left - blocks.crop.right,
                       channels};
    if (std::min(dims[1], dims[2]) < 1 || ElementsOf(dims) > kMostElements) return;
    const Quantization output =
        SetQuantization(x, MakeQuadLayer(shape, 2, 0.3, random_()), Activation::kNone);
    const Bytes phases = ComputePlainly(
        layers_.back(), Padded(x, pads, padded, graph_.tensors[x].type.quantization.zero_point));
    Bytes value;
    for (int64_t i = 0; i < ElementsOf(dims); ++i) {
      const auto pixel = static_cast<int>(i / channels);
      const int row = pixel / dims[2] % dims[1] + blocks.crop.top;
      const int column = pixel % dims[2] + blocks.crop.left;
      const int phase = row % blocks.block_h * blocks.block_w + column % blocks.block_w;
      const int64_t block =
          (int64_t{pixel / dims[2] / dims[1]} * shape.out_h + row / blocks.block_h) * shape.out_w +
          column / blocks.block_w;
      const int64_t channel = phase * (channels + blocks.unused) + i % channels;
      value.push_back(phases[block * shape.out_c + channel]);
    }
    TransposeConv2DOp op;
    op.layer.attributes = attributes;
    op.layer.int8 = WeightsOf(layers_.back());
    op.pads = pads;
    op.blocks = blocks;
    Add(std::move(op), {x}, dims, output, Activation::kNone, std::move(value));
  }

  void AddMaxPool(int x) {
    const Dims& d = dims_[x];
    Pool2DOp op;
    op.kind = PoolKind::kMax;
    LayerAttributes& attributes = op.attributes;
    attributes.in_channels = attributes.out_channels = d[3];
    attributes.kernel_h = attributes.kernel_w = 1 + Below(3);
    attributes.stride_h = attributes.stride_w = 1 + Below(3);
    attributes.padding = Below(2) ? Padding::kSame : Padding::kValid;
    ConvShape s{};
    if (!MakeConvShape(attributes, d[0], d[1], d[2], &s).ok()) return;
    const Dims dims = {s.batch, s.out_h, s.out_w, d[3]};
    if (ElementsOf(dims) == 0) return;
    Bytes value(ElementsOf(dims), -128);
    for (int64_t i = 0; i < ElementsOf(dims); ++i) {
      const auto c = static_cast<int>(i % d[3]);
      const auto pixel = static_cast<int>(i / d[3]);
      for (int tap = 0; tap < s.kernel_h * s.kernel_w; ++tap) {
        const int row = pixel / s.out_w % s.out_h * s.stride_h - s.pad_top + tap / s.kernel_w;
        const int column = pixel % s.out_w * s.stride_w - s.pad_left + tap % s.kernel_w;
        if (row < 0 || row >= d[1] || column < 0 || column >= d[2]) continue;
        const int64_t at = (int64_t{pixel / s.out_w / s.out_h} * d[1] + row) * d[2] + column;
        value[i] = std::max(value[i], values_[x][at * d[3] + c]);
      }
    }
    const Quantization quantization = graph_.tensors[x].type.quantization;
    Add(std::move(op), {x}, dims, quantization, Activation::kNone, std::move(value));
  }

  // Of a tensor and itself, whose quantization is the same.
  void AddConcatenation(int x) {
    Dims dims = dims_[x];
    const int channels = dims[3];
    dims[3] *= 2;
    if (ElementsOf(dims) > kMostElements) return;
    Bytes value;
    for (size_t first = 0; first < values_[x].size(); first += channels) {
      for (const int copy : {0, 1}) {
        (void)copy;
        value.insert(value.end(), values_[x].begin() + first,
                     values_[x].begin() + first + channels);
      }
    }
    Add(ConcatenationOp{{}, 3}, {x, x}, dims, graph_.tensors[x].type.quantization,
        Activation::kNone, std::move(value));
  }

  void AddLayer(int x, bool depthwise) {
    LayerAttributes attributes;
    attributes.in_channels = dims_[x][3];
    attributes.out_channels = depthwise ? dims_[x][3] : 1 + Below(24);
    const int kernels[] = {1, 1, 3, 3, 2, 5};
    attributes.kernel_h = kernels[Below(6)];
    attributes.kernel_w = Below(3) ? attributes.kernel_h : kernels[Below(6)];
    attributes.stride_h = 1 + (Below(3) == 0 ? Below(3) : 0);
    attributes.stride_w = Below(3) ? attributes.stride_h : 1 + Below(2);
    attributes.dilation_h = Below(5) ? 1 : 2;
    attributes.padding = Below(2) ? Padding::kSame : Padding::kValid;
    ConvShape shape{};
    if (!MakeConvShape(attributes, dims_[x][0], dims_[x][1], dims_[x][2], &shape).ok()) return;
    const Dims dims = {shape.batch, shape.out_h, shape.out_w, shape.out_c};
    if (ElementsOf(dims) == 0 || ElementsOf(dims) > kMostElements) return;
    const auto activation = static_cast<Activation>(Below(4));
    const Quantization output =
        SetQuantization(x,
                        depthwise ? MakeQuadDepthwise(shape, random_())
                                  : MakeQuadLayer(shape, 1 << Below(4), 0.3, random_()),
                        activation);
    Int8Weights weights = WeightsOf(layers_.back());
    OpDetails details;
    if (depthwise) {
      DepthwiseConv2DOp op;
      op.attributes = attributes;
      op.int8 = std::move(weights);
      details = std::move(op);
    } else {
      Conv2DOp op;
      op.layer.attributes = attributes;
      op.layer.int8 = std::move(weights);
      details = std::move(op);
    }
    Add(std::move(details), {x}, dims, output, activation,
        ComputePlainly(layers_.back(), values_[x]));
  }

  // Keeps the layer, which reads tensor x. The quantization of its output.
  Quantization SetQuantization(int x, QuadLayer layer, Activation activation) {
    const Quantization input = graph_.tensors[x].type.quantization;
    const Quantization output = {layer.output_scale, layer.output_zero_point};
    layer.input_scale = input.scale;
    layer.input_zero_point = input.zero_point;
    const Int8Range range = RangeOf(activation, output);
    layer.min = range.min;
    layer.max = range.max;
    layers_.push_back(std::move(layer));
    return output;
  }

  Int8Weights WeightsOf(const QuadLayer& layer) {
    return {layer.weights.data(), layer.bias.data(), layer.weight_scales,
            Below(2) ? 1 << Below(4) : 0};
  }

  std::mt19937 random_;
  Graph graph_;
  std::deque<QuadLayer> layers_;  // whose weights the graph refers to
  std::vector<Dims> dims_;
  std::vector<Bytes> values_;
};

class Int8GraphTest : public testing::TestWithParam<int> {};

TEST_P(Int8GraphTest, ComputesWhatPlainLoopsCompute) {
  constexpr int kGraphs = 60;  // of a shard
  for (int seed = GetParam() * kGraphs; seed < (GetParam() + 1) * kGraphs; ++seed) {
    RandomInt8Graph graph(static_cast<uint32_t>(seed));
    for (const Int8Kernels* kernels : SupportedInt8Kernels()) {
      for (const int threads : {1, 3}) {
        const std::vector<Bytes> results = graph.Run(*kernels, threads);
        ASSERT_EQ(results, graph.values())
            << "seed " << seed << ", " << kernels->name << ", " << threads << " threads";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Int8GraphTest, testing::Range(0, 4));

}  // namespace
}  // namespace ubp
