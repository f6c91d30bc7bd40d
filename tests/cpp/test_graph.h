// Graphs for tests, built op by op, that a plan runs and that also compute themselves: plain NHWC
// arithmetic in double precision.
#ifndef UBP_TESTS_CPP_TEST_GRAPH_H_
#define UBP_TESTS_CPP_TEST_GRAPH_H_

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "delegate/cpu/activation_range.h"
#include "delegate/graph/plan.h"
#include "delegate/graph/shapes.h"
#include "gtest/gtest.h"
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

  int Dense(int input, int out_channels, bool sparse) {
    LayerAttributes spec = Pointwise(dims_[input].back(), out_channels, sparse ? 2 : 1);
    spec.kind = OpKind::kFullyConnected;
    return AddWeights(OpType::kFullyConnected, input, spec, sparse);
  }

  int Depthwise(int input, int kernel, int stride, Padding padding,
                Activation activation = Activation::kRelu6) {
    LayerAttributes spec = Window(kernel, stride, padding, activation);
    spec.in_channels = spec.out_channels = dims_[input][3];
    GraphOp op = MakeOp(OpType::kDepthwiseConv2D, {input}, spec);
    op.dense.weights = Random(int64_t{kernel} * kernel * spec.in_channels);
    op.dense.bias = Random(spec.in_channels);
    return Add(op);
  }

  int MaxPool(int input, int kernel, int stride, Padding padding) {
    LayerAttributes spec = Window(kernel, stride, padding, Activation::kNone);
    spec.in_channels = spec.out_channels = 0;
    return Add(MakeOp(OpType::kMaxPool2D, {input}, spec));
  }

  int Sum(int a, int b, Activation activation = Activation::kNone) {
    LayerAttributes spec;
    spec.activation = activation;
    return Add(MakeOp(OpType::kAdd, {a, b}, spec));
  }

  int Pad(int input, const Pads& pads) {
    GraphOp op = MakeOp(OpType::kPad, {input}, LayerAttributes());
    op.pads = pads;
    return Add(op);
  }

  int Mean(int input, bool keep_dims) {
    GraphOp op = MakeOp(OpType::kMean, {input}, LayerAttributes());
    op.keep_dims = keep_dims;
    return Add(op);
  }

  int Reshape(int input) { return Add(MakeOp(OpType::kReshape, {input}, LayerAttributes())); }

  void MarkOutput(int tensor) { graph_.tensors[tensor].storage = Storage::kOutput; }

  const Graph& graph() const { return graph_; }
  std::vector<Dims> InputDims() const {
    std::vector<Dims> dims(dims_.size());
    dims[0] = dims_[0];
    return dims;
  }

  // All outputs, computed by the plan.
  std::vector<std::vector<float>> Run(const PlanOptions& options, const std::vector<float>& input) {
    std::vector<Dims> dims = InputDims();
    std::unique_ptr<Plan> plan;
    const Status status = Plan::Make(graph_, options, &dims, &plan);
    EXPECT_TRUE(status.ok()) << status.message();
    if (!status.ok()) return {};
    ThreadPool pool(options.threads);
    std::vector<std::vector<float>> outputs;
    std::vector<float> input_copy = input;
    for (int run = 0; run < 2; ++run) {
      std::vector<float*> memory(dims.size(), nullptr);
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
      plan->Run(memory, &pool);
      if (run == 1) {
        EXPECT_EQ(outputs, results) << "a second run gives another result";
      }
      outputs = std::move(results);
    }
    EXPECT_EQ(input_copy, input) << "the input was written";
    return outputs;
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
  static LayerAttributes Window(int kernel, int stride, Padding padding, Activation activation) {
    LayerAttributes spec;
    spec.kernel_h = spec.kernel_w = kernel;
    spec.stride_h = spec.stride_w = stride;
    spec.padding = padding;
    spec.activation = activation;
    return spec;
  }

  static GraphOp MakeOp(OpType type, std::vector<int> inputs, const LayerAttributes& attributes) {
    GraphOp op;
    op.label = "op";
    op.type = type;
    op.inputs = std::move(inputs);
    op.attributes = attributes;
    return op;
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
    GraphOp op = MakeOp(type, {input}, spec);
    if (sparse) {
      op.packed = layer.Read();
    } else {
      floats_.push_back(std::make_unique<std::vector<float>>());
      op.dense = layer.Dense(floats_.back().get()).dense;
    }
    layer_of_.push_back(&layer);
    return Add(op, layer_of_.size() - 1);
  }

  int Add(GraphOp op, size_t layer = 0) {
    ConvShape shape;
    Dims output;
    const Status status = InferShape(op, dims_[op.inputs[0]], Pads(), &shape, &output);
    EXPECT_TRUE(status.ok()) << status.message();
    op.output = static_cast<int>(dims_.size());
    dims_.push_back(output);
    graph_.tensors.push_back({Storage::kInternal, op.output});
    graph_.ops.push_back(op);
    test_layers_.push_back(layer);
    return op.output;
  }

  Values Evaluate(const GraphOp& op, const std::vector<Values>& values) const {
    const Values& in = values[op.inputs[0]];
    const Dims& dims = dims_[op.inputs[0]];
    switch (op.type) {
      case OpType::kAdd: {
        Values out(in.size());
        for (size_t i = 0; i < in.size(); ++i) {
          out[i] = Activate(op, in[i] + values[op.inputs[1]][i]);
        }
        return out;
      }
      case OpType::kReshape:
        return in;
      case OpType::kMean: {
        Values out(int64_t{dims[0]} * dims[3], 0.0);
        const int pixels = dims[1] * dims[2];
        for (size_t i = 0; i < in.size(); ++i) {
          const size_t image = i / (static_cast<size_t>(pixels) * dims[3]);
          out[image * dims[3] + i % dims[3]] += in[i] / pixels;
        }
        return out;
      }
      case OpType::kPad: {
        Values out(Elements(dims_[op.output]), 0.0);
        const Dims& to = dims_[op.output];
        for (size_t i = 0; i < in.size(); ++i) {
          const int c = i % dims[3], x = i / dims[3] % dims[2];
          const int y = i / dims[3] / dims[2] % dims[1], b = i / dims[3] / dims[2] / dims[1];
          out[((int64_t{b} * to[1] + y + op.pads.top) * to[2] + x + op.pads.left) * to[3] + c] =
              in[i];
        }
        return out;
      }
      case OpType::kFullyConnected: {
        const int lanes = op.attributes.in_channels;
        const int channels = op.attributes.out_channels;
        Values out;
        for (size_t row = 0; row < in.size() / lanes; ++row) {
          for (int c = 0; c < channels; ++c) {
            double sum = LayerOf(op).bias[c];
            for (int k = 0; k < lanes; ++k) {
              sum += double{LayerOf(op).dense[int64_t{k} * channels + c]} * in[row * lanes + k];
            }
            out.push_back(Activate(op, sum));
          }
        }
        return out;
      }
      default:
        return EvaluateWindow(op, in, dims);
    }
  }

  Values EvaluateWindow(const GraphOp& op, const Values& in, const Dims& dims) const {
    ConvShape s;
    Dims out_dims;
    EXPECT_TRUE(InferShape(op, dims, Pads(), &s, &out_dims).ok());
    Values out;
    for (int b = 0; b < s.batch; ++b) {
      for (int y = 0; y < s.out_h; ++y) {
        for (int x = 0; x < s.out_w; ++x) {
          for (int c = 0; c < s.out_c; ++c) out.push_back(WindowAt(op, s, in, b, y, x, c));
        }
      }
    }
    return out;
  }

  double WindowAt(const GraphOp& op, const ConvShape& s, const Values& in, int b, int y, int x,
                  int c) const {
    const bool is_max = op.type == OpType::kMaxPool2D;
    double result = is_max ? -INFINITY : 0.0;
    if (op.type == OpType::kDepthwiseConv2D) result = op.dense.bias[c];
    if (op.type == OpType::kConv2D) result = LayerOf(op).bias[c];
    for (int ky = 0; ky < s.kernel_h; ++ky) {
      for (int kx = 0; kx < s.kernel_w; ++kx) {
        const int in_y = y * s.stride_h + ky - s.pad_top;
        const int in_x = x * s.stride_w + kx - s.pad_left;
        if (in_y < 0 || in_y >= s.in_h || in_x < 0 || in_x >= s.in_w) continue;
        const double* pixel = &in[((int64_t{b} * s.in_h + in_y) * s.in_w + in_x) * s.in_c];
        const int tap = ky * s.kernel_w + kx;
        if (is_max) {
          result = std::max(result, pixel[c]);
        } else if (op.type == OpType::kDepthwiseConv2D) {
          result += op.dense.weights[int64_t{tap} * s.in_c + c] * pixel[c];
        } else {
          for (int k = 0; k < s.in_c; ++k) {
            const int64_t lane = int64_t{tap} * s.in_c + k;
            result += LayerOf(op).dense[lane * s.out_c + c] * pixel[k];
          }
        }
      }
    }
    return Activate(op, result);
  }

  static double Activate(const GraphOp& op, double value) {
    const ActivationRange range = RangeOf(op.attributes.activation);
    return std::min<double>(range.max, std::max<double>(range.min, value));
  }

  const TestLayer& LayerOf(const GraphOp& op) const {
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

// Runs the graph in every family and with several numbers of threads.
inline void ExpectRuns(TestGraph* test, const PlanRules& rules = PlanRules()) {
  const std::vector<float> input = test->RandomInput();
  const std::vector<Values> expected = test->Expected(input);
  for (const KernelFamily* family : AllKernelFamilies()) {
    if (!family->supported()) continue;
    const std::vector<std::vector<float>> outputs = test->Run({family, 1, rules}, input);
    ASSERT_EQ(outputs.size(), expected.size());
    for (size_t o = 0; o < outputs.size(); ++o) {
      double range = 1.0;
      for (const double value : expected[o]) range = std::max(range, std::abs(value));
      ASSERT_EQ(outputs[o].size(), expected[o].size());
      for (size_t i = 0; i < outputs[o].size(); ++i) {
        ASSERT_NEAR(outputs[o][i], expected[o][i], 1e-5 * range)
            << family->name << ", output " << o << ", element " << i;
      }
    }
    for (const int threads : {2, 3}) EXPECT_EQ(outputs, test->Run({family, threads, rules}, input));
  }
}

}  // namespace ubp

#endif  // UBP_TESTS_CPP_TEST_GRAPH_H_
