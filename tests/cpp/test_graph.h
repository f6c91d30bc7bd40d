// SPDX-License-Identifier: Apache-2.0
// Graphs for tests, built op by op, that a plan runs and that also compute themselves: plain NHWC
// arithmetic in double precision.
#ifndef UBP_TESTS_CPP_TEST_GRAPH_H_
#define UBP_TESTS_CPP_TEST_GRAPH_H_

#include <memory>
#include <vector>

#include "delegate/backend/backend.h"
#include "delegate/cpu/plan/plan.h"
#include "gtest/gtest.h"
#include "tests/cpp/expected_shape.h"
#include "tests/cpp/test_layer.h"

namespace ubp {

using Values = std::vector<double>;

inline size_t Elements(const Dims& dims) {
  size_t elements = 1;
  for (const int dim : dims) elements *= dim;
  return elements;
}

// A graph under construction, which also computes itself the plain way.
class TestGraph {
 public:
  // Adds the input [batch, height, width, channels].
  explicit TestGraph(const Dims& input) {
    dims_.push_back(input);
    graph_.tensors.push_back({Storage::kInput, 0});
  }

  int Convolve(int input, int out_channels, int kernel, int stride, Padding padding, bool sparse,
               Activation activation = Activation::kNone) {
    LayerAttributes spec = Window(kernel, stride, padding, activation);
    spec.in_channels = dims_[input][3];
    spec.out_channels = out_channels;
    spec.block_size = sparse ? 4 : 1;
    return AddWeights(OpType::kConv2D, input, spec, sparse);
  }

  // With the window of `spec`, the channels of the input, and in blocks of spec.block_size if it is
  // `sparse`.
  int Convolve(int input, LayerAttributes spec, bool sparse) {
    spec.in_channels = dims_[input][3];
    return AddWeights(OpType::kConv2D, input, spec, sparse);
  }

  int Dense(int input, int out_channels, bool sparse) {
    LayerAttributes spec = Pointwise(dims_[input].back(), out_channels, sparse ? 2 : 1);
    spec.kind = OpKind::kFullyConnected;
    return AddWeights(OpType::kFullyConnected, input, spec, sparse);
  }

  int Depthwise(int input, int kernel, int stride, Padding padding,
                Activation activation = Activation::kRelu6) {
    return Depthwise(input, Window(kernel, stride, padding, activation));
  }

  int Depthwise(int input, LayerAttributes spec) {
    spec.in_channels = spec.out_channels = dims_[input][3];
    DepthwiseConv2DOp depthwise;
    depthwise.attributes = spec;
    depthwise.weights = Random(int64_t{spec.kernel_h} * spec.kernel_w * spec.in_channels);
    depthwise.bias = Random(spec.in_channels);
    return Add(MakeOp(depthwise, {input}, spec.activation));
  }

  int Pool(OpType type, int input, LayerAttributes spec) {
    spec.in_channels = spec.out_channels = 0;
    const PoolKind kind = type == OpType::kMaxPool2D ? PoolKind::kMax : PoolKind::kAverage;
    return Add(MakeOp(Pool2DOp{{}, kind, spec}, {input}, spec.activation));
  }

  int MaxPool(int input, int kernel, int stride, Padding padding) {
    return Pool(OpType::kMaxPool2D, input, kernel, stride, padding);
  }

  int AveragePool(int input, int kernel, int stride, Padding padding,
                  Activation activation = Activation::kNone) {
    return Pool(OpType::kAveragePool2D, input, kernel, stride, padding, activation);
  }

  int Sum(int a, int b, Activation activation = Activation::kNone) {
    return Apply(OpType::kAdd, {a, b}, activation);
  }

  // A function of one tensor, with a number s for each channel if it is `per_channel`.
  int Apply(const UnaryFunction& function, int input, Activation activation = Activation::kNone,
            bool per_channel = false) {
    FunctionOp kind{{}, function, {}};
    if (per_channel) {
      kind.constant.count = dims_[input].back();
      kind.constant.values = Random(kind.constant.count);
    }
    return Add(MakeOp(kind, {input}, activation));
  }
  int Apply(Elementwise function, int input, Activation activation = Activation::kNone) {
    return Apply(UnaryFunction{function}, input, activation);
  }

  // Any op without parameters but `factor`: arithmetic of tensors, clamps, concatenation, softmax.
  int Apply(OpType type, std::vector<int> inputs, Activation activation = Activation::kNone,
            float factor = 1.0f) {
    return Add(MakeOp(DetailsOf(type, factor), std::move(inputs), activation));
  }

  // ADD, SUB or MUL with `count` constant numbers.
  int WithConstant(OpType type, int input, int count, bool constant_first = false,
                   Activation activation = Activation::kNone) {
    ArithmeticOp kind{{}, ArithmeticOf(type), {Random(count), count, 1, constant_first}};
    return Add(MakeOp(kind, {input}, activation));
  }

  int WithNumber(OpType type, int input, float number) {
    floats_.push_back(std::make_unique<std::vector<float>>(1, number));
    return Add(MakeOp(ArithmeticOp{{}, ArithmeticOf(type), {floats_.back()->data(), 1}}, {input}));
  }

  // LOG of EXP plus `number`: softplus if that is one.
  int Softplus(int input, float number = 1.0f) {
    const int sum = WithNumber(OpType::kAdd, Apply(Elementwise::kExp, input), number);
    return Apply(Elementwise::kLog, sum);
  }

  int Pad(int input, const Pads& pads, float value = 0.0f) {
    return Add(MakeOp(PadOp{{}, pads, value}, {input}));
  }

  int Mean(int input, bool keep_dims) { return Add(MakeOp(MeanOp{{}, keep_dims}, {input})); }

  // [batch, channels, height, width] to [batch, height, width, channels], or back.
  int Transpose(int input, bool to_nhwc) { return Add(MakeOp(TransposeOp{{}, to_nhwc}, {input})); }

  // Layer normalisation, with a scale and an offset for each channel or without. Its epsilon makes little
  // of the rounding of channels that are nearly equal.
  int LayerNorm(int input, bool per_channel, Activation activation = Activation::kNone) {
    LayerNormOp norm;
    norm.rank = static_cast<int>(dims_[input].size());
    norm.epsilon = 0.1f;
    norm.channels = {{1.0f}, {0.0f}};
    if (per_channel) {
      const size_t channels = dims_[input].back();
      const float* const numbers = Random(2 * channels);
      norm.channels = {{numbers, numbers + channels}, {numbers + channels, numbers + 2 * channels}};
    }
    return Add(MakeOp(norm, {input}, activation));
  }

  int Resize(int input, const ResizeOp& resize) { return Add(MakeOp(resize, {input})); }
  int DepthToSpace(int input, int block) {
    return Add(MakeOp(DepthToSpaceOp{{}, block, block, {}, {}}, {input}));
  }
  int SpaceToDepth(int input, int block) { return Add(MakeOp(SpaceToDepthOp{{}, block}, {input})); }

  // [batch, 1, 1, channels] to [batch, channels] or back.
  int Reshape(int input) {
    const int channels = dims_[input].back();
    const bool flattens = dims_[input].size() == 4;
    const Dims to = flattens ? Dims{OfInput(0), channels} : Dims{-1, 1, 1, channels};
    return Add(MakeOp(ReshapeOp{{}, to}, {input}));
  }

  void MarkOutput(int tensor) { graph_.tensors[tensor].storage = Storage::kOutput; }

  const Graph& graph() const { return graph_; }
  const Dims& dims(int tensor) const { return dims_[tensor]; }
  std::vector<Dims> InputDims() const {
    std::vector<Dims> dims(dims_.size());
    dims[0] = dims_[0];
    return dims;
  }

  // All outputs, computed by the plan, the same in each of `runs`.
  std::vector<std::vector<float>> Run(const PlanOptions& options, const std::vector<float>& input,
                                      int runs = 2) {
    std::vector<Dims> dims = InputDims();
    std::unique_ptr<Plan> plan;
    PackedWeights weights;
    const Status status = Plan::Make(graph_, options, &weights, &dims, &plan);
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok()) return {};
    ThreadPool pool(options.threads);
    const auto run_once = [&](const std::vector<void*>& memory) { plan->Run(memory, &pool); };
    return RunEach(run_once, dims, input, runs);
  }

  // Likewise, by a program of the graph that a backend has packed.
  std::vector<std::vector<float>> Run(PackedGraph* packed, const std::vector<float>& input,
                                      int runs = 2) {
    std::vector<Dims> dims = InputDims();
    std::unique_ptr<Program> program;
    CompileOptions options;
    options.pool = std::make_shared<ThreadPool>(1);
    const Status status = packed->Compile(options, &dims, &program);
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok()) return {};
    const auto run_once = [&](const std::vector<void*>& memory) {
      const Status run = program->Run(memory);
      EXPECT_TRUE(run.ok()) << run.message();
    };
    return RunEach(run_once, dims, input, runs);
  }

  // The same in double precision.
  std::vector<Values> Expected(const std::vector<float>& input) const {
    std::vector<Values> values(dims_.size());
    values[0].assign(input.begin(), input.end());
    for (const GraphOp& op : graph_.ops) values[op.output] = Evaluate(op, values);
    std::vector<Values> outputs;
    for (size_t t = 1; t < dims_.size(); ++t) {
      if (graph_.tensors[t].storage == Storage::kOutput) outputs.push_back(values[t]);
    }
    return outputs;
  }

  std::vector<float> RandomInput() {
    const float* values = Random(Elements(dims_[0]));
    return std::vector<float>(values, values + Elements(dims_[0]));
  }

 private:
  template <class RunOnce>
  std::vector<std::vector<float>> RunEach(const RunOnce& run_once, const std::vector<Dims>& dims,
                                          const std::vector<float>& input, int runs) {
    std::vector<std::vector<float>> outputs;
    std::vector<float> input_copy = input;
    for (int run = 0; run < runs; ++run) {
      std::vector<void*> memory(dims.size(), nullptr);
      memory[0] = input_copy.data();
      std::vector<std::vector<float>> results;
      for (size_t t = 1; t < dims.size(); ++t) {
        if (graph_.tensors[t].storage != Storage::kOutput) continue;
        EXPECT_EQ(dims[t], dims_[t]);
        results.emplace_back(Elements(dims[t]), -77.0f);
      }
      size_t next = 0;
      for (size_t t = 1; t < dims.size(); ++t) {
        if (graph_.tensors[t].storage == Storage::kOutput) memory[t] = results[next++].data();
      }
      run_once(memory);
      if (run > 0) {
        EXPECT_EQ(outputs, results) << "run " << run << " gives another result than the one before";
      }
      outputs = std::move(results);
    }
    EXPECT_EQ(input_copy, input) << "the input was written";
    return outputs;
  }

  static LayerAttributes Window(int kernel, int stride, Padding padding, Activation activation) {
    LayerAttributes spec;
    spec.kernel_h = spec.kernel_w = kernel;
    spec.stride_h = spec.stride_w = stride;
    spec.padding = padding;
    spec.activation = activation;
    return spec;
  }

  static GraphOp MakeOp(OpDetails details, std::vector<int> inputs,
                        Activation activation = Activation::kNone) {
    GraphOp op;
    op.label = "op";
    op.inputs = std::move(inputs);
    op.activation = activation;
    op.details = std::move(details);
    return op;
  }

  static Elementwise ArithmeticOf(OpType type) {
    if (type == OpType::kMul) return Elementwise::kMultiply;
    return type == OpType::kSub ? Elementwise::kSubtract : Elementwise::kAdd;
  }

  static OpDetails DetailsOf(OpType type, float factor) {
    switch (type) {
      case OpType::kClamp:
        return ClampOp();
      case OpType::kConcatenation:
        return ConcatenationOp();
      case OpType::kSoftmax:
        return SoftmaxOp{{}, factor};
      default:
        return ArithmeticOp{{}, ArithmeticOf(type), {}};
    }
  }

  int Pool(OpType type, int input, int kernel, int stride, Padding padding,
           Activation activation = Activation::kNone) {
    return Pool(type, input, Window(kernel, stride, padding, activation));
  }

  const float* Random(size_t count) {
    auto values = std::make_unique<std::vector<float>>(count);
    for (float& value : *values) {
      state_ = state_ * 1664525u + 1013904223u;
      value = static_cast<float>(static_cast<int32_t>(state_) >> 20) / 2048.0f;
    }
    floats_.push_back(std::move(values));
    return floats_.back()->data();
  }

  int AddWeights(OpType type, int input, const LayerAttributes& spec, bool sparse) {
    layers_.push_back(
        std::make_unique<TestLayer>(MakeTestLayer(spec, sparse ? 0.1 : 1.0, true, state_)));
    const TestLayer& layer = *layers_.back();
    LayerWeights weights;
    if (sparse) {
      weights.packed = layer.Read();
    } else {
      floats_.push_back(std::make_unique<std::vector<float>>());
      weights.dense = layer.Dense(floats_.back().get()).dense;
    }
    weights.attributes = spec;
    layer_of_.push_back(&layer);
    OpDetails details = Conv2DOp{{}, weights};
    if (type == OpType::kFullyConnected) details = FullyConnectedOp{{}, weights};
    return Add(MakeOp(details, {input}, spec.activation), layer_of_.size() - 1);
  }

  int Add(GraphOp op, size_t layer = 0) {
    std::vector<Dims> inputs;
    for (const int input : op.inputs) inputs.push_back(dims_[input]);
    op.node = static_cast<int>(graph_.ops.size());
    op.output = static_cast<int>(dims_.size());
    dims_.push_back(ExpectedShape(op, inputs));
    graph_.tensors.push_back({Storage::kInternal, op.output});
    graph_.ops.push_back(op);
    test_layers_.push_back(layer);
    return op.output;
  }

  // test_graph.cc: all tensors are NHWC.
  Values Evaluate(const GraphOp& op, const std::vector<Values>& values) const;
  Values EvaluateMean(const Values& in, const Dims& dims) const;
  Values EvaluatePad(const GraphOp& op, const Values& in, const Dims& dims) const;
  Values EvaluateTranspose(const GraphOp& op, const Values& in, const Dims& dims) const;
  Values EvaluateResize(const ResizeOp& resize, const Values& in, const Dims& dims) const;
  // DEPTH_TO_SPACE of `small`, or the reverse: an element of one at each place of the other.
  Values EvaluateBlocks(const Values& in, const Dims& small, int block, bool to_space) const;
  Values EvaluateLayerNorm(const GraphOp& op, const Values& in, int channels) const;
  Values EvaluateDense(const GraphOp& op, const Values& in) const;
  Values EvaluateConcatenation(const GraphOp& op, const std::vector<Values>& values) const;
  Values EvaluateFunction(const GraphOp& op, const Values& in) const;
  Values EvaluateArithmetic(const GraphOp& op, const std::vector<Values>& values) const;
  Values EvaluateWindow(const GraphOp& op, const Values& in, const Dims& dims) const;
  // At output pixel (b, y, x) and channel c; the first windows begin `top` and `left` before `in`.
  double WindowAt(const GraphOp& op, const Values& in, int top, int left, int b, int y, int x,
                  int c) const;

  const TestLayer& TestLayerOf(const GraphOp& op) const {
    return *layer_of_[test_layers_[&op - graph_.ops.data()]];
  }

  Graph graph_;
  std::vector<Dims> dims_;
  std::vector<size_t> test_layers_;  // by op: index into layer_of_
  std::vector<const TestLayer*> layer_of_;
  std::vector<std::unique_ptr<TestLayer>> layers_;
  std::vector<std::unique_ptr<std::vector<float>>> floats_;
  uint32_t state_ = 1;
};

// Expects the elements to be within `tolerance` of the range of their output, in the root of the mean
// square; and each by itself within as many times that as rounding may add up to in one of thousands.
// What is no number they are exactly; the largest there is, nearly.
void ExpectClose(const std::vector<std::vector<float>>& outputs,
                 const std::vector<Values>& expected, double tolerance = 1e-6);

// Expects what the plan computes to be close to Expected() in every instruction set the processor supports,
// and the same, bit for bit, with several numbers of threads.
void ExpectRuns(TestGraph* test, const PlanRules& rules = PlanRules());

}  // namespace ubp

#endif  // UBP_TESTS_CPP_TEST_GRAPH_H_
