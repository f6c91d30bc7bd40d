// SPDX-License-Identifier: Apache-2.0
// What the operators of a TestGraph compute: plain NHWC arithmetic in double precision.

#include "tests/cpp/test_graph.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "delegate/graph/activation_range.h"

namespace ubp {
namespace {

constexpr double kLargest = std::numeric_limits<float>::max();

double Activate(const GraphOp& op, double value) {
  const ActivationRange range = RangeOf(op.activation);
  if (std::isnan(value)) return value;
  return std::min<double>(range.max, std::max<double>(range.min, value));
}

double Compute(const UnaryFunction& function, double x) {
  switch (function.function) {
    case Elementwise::kLeakyRelu:
      return x < 0.0 ? x * function.s : x;
    case Elementwise::kElu:
      return x < 0.0 ? std::expm1(x) : x;
    case Elementwise::kHardSwish:
      return x * std::min(6.0, std::max(0.0, x + 3.0)) / 6.0;
    case Elementwise::kLogistic:
      return 1.0 / (1.0 + std::exp(-x));
    case Elementwise::kGelu:
      return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
    case Elementwise::kGeluTanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case Elementwise::kTanh:
      return std::tanh(x);
    case Elementwise::kExp:
      return std::exp(x * function.s);
    case Elementwise::kLog:
      return std::log(x);
    default:
      ADD_FAILURE() << "a function that no operator is";
      return x;
  }
}

double Combine(OpType type, double a, double b) {
  if (type == OpType::kMul) return a * b;
  return type == OpType::kSub ? a - b : a + b;
}

Values Softmax(const Values& in, int classes, double beta) {
  Values out;
  for (size_t row = 0; row < in.size(); row += classes) {
    double sum = 0.0;
    for (int c = 0; c < classes; ++c) sum += std::exp(beta * in[row + c]);
    for (int c = 0; c < classes; ++c) out.push_back(std::exp(beta * in[row + c]) / sum);
  }
  return out;
}

// Where pixel i of the output lies in the input, of one axis.
double PlaceOf(const ResizeOp& resize, int i, int in_size, int out_size) {
  if (resize.align_corners && out_size > 1) return i * (in_size - 1.0) / (out_size - 1.0);
  const double scale = static_cast<double>(in_size) / out_size;
  if (!resize.half_pixel_centers) return i * scale;
  return (i + 0.5) * scale - (resize.kind == ResizeKind::kBilinear ? 0.5 : 0.0);
}

// What each pixel of the input adds to that place: a hat, or all of the nearest.
double WeightOf(const ResizeOp& resize, double place, int pixel, int in_size) {
  if (resize.kind == ResizeKind::kNearest) {
    const double nearest =
        resize.align_corners ? std::floor(place + 0.5 + 1e-5) : std::floor(place + 1e-5);
    return pixel == std::min<double>(nearest, in_size - 1) ? 1.0 : 0.0;
  }
  const double inside = std::min<double>(std::max(place, 0.0), in_size - 1);
  return std::max(0.0, 1.0 - std::abs(pixel - inside));
}

}  // namespace

Values TestGraph::Evaluate(const GraphOp& op, const std::vector<Values>& values) const {
  const Values& in = values[op.inputs[0]];
  const Dims& dims = dims_[op.inputs[0]];
  switch (op.type()) {
    case OpType::kAdd:
    case OpType::kSub:
    case OpType::kMul:
      return EvaluateArithmetic(op, values);
    case OpType::kClamp:
    case OpType::kFunction:
      return EvaluateFunction(op, in);
    case OpType::kReshape:
      return in;
    case OpType::kSoftmax:
      return Softmax(in, dims.back(), op.As<SoftmaxOp>().beta);
    case OpType::kLayerNorm:
      return EvaluateLayerNorm(op, in, dims.back());
    case OpType::kConcatenation:
      return EvaluateConcatenation(op, values);
    case OpType::kMean:
      return EvaluateMean(in, dims);
    case OpType::kPad:
      return EvaluatePad(op, in, dims);
    case OpType::kTranspose:
      return EvaluateTranspose(op, in, dims);
    case OpType::kFullyConnected:
      return EvaluateDense(op, in);
    case OpType::kResize:
      return EvaluateResize(op.As<ResizeOp>(), in, dims);
    case OpType::kDepthToSpace:
      return EvaluateBlocks(in, dims, op.As<DepthToSpaceOp>().block_h, true);
    case OpType::kSpaceToDepth:
      return EvaluateBlocks(in, dims_[op.output], op.As<SpaceToDepthOp>().block, false);
    default:
      return EvaluateWindow(op, in, dims);
  }
}

Values TestGraph::EvaluateFunction(const GraphOp& op, const Values& in) const {
  Values out;
  const bool is_clamp = op.If<ClampOp>() != nullptr;
  UnaryFunction function = is_clamp ? UnaryFunction() : op.As<FunctionOp>().function;
  const ConstantOperand& constant = ConstantOf(op);
  for (size_t i = 0; i < in.size(); ++i) {
    if (constant.values != nullptr) function.s = constant.values[i % constant.count];
    const double value = is_clamp ? in[i] : Compute(function, in[i]);
    out.push_back(Activate(op, value));
  }
  return out;
}

Values TestGraph::EvaluateArithmetic(const GraphOp& op, const std::vector<Values>& values) const {
  const ConstantOperand& constant = ConstantOf(op);
  const Dims& to = dims_[op.output];
  const size_t channels = to.back();
  // The number at place i of the output, of an operand of its shape or with one number per channel.
  const auto at = [&](int tensor, size_t i) {
    const Values& operand = values[tensor];
    if (dims_[tensor] == to) return operand[i];
    const size_t image = i / (Elements(to) / to[0]);
    return operand[(image * channels + i % channels) % operand.size()];
  };
  Values out;
  for (size_t i = 0; i < Elements(to); ++i) {
    double a = at(op.inputs[0], i), b = 0.0;
    if (constant.values != nullptr) {
      b = constant.values[constant.count == 1 ? 0 : i % channels];
      if (constant.first) std::swap(a, b);
    } else {
      b = at(op.inputs[1], i);
    }
    out.push_back(Activate(op, Combine(op.type(), a, b)));
  }
  return out;
}

Values TestGraph::EvaluateConcatenation(const GraphOp& op,
                                        const std::vector<Values>& values) const {
  Values out;
  const size_t rows = Elements(dims_[op.output]) / dims_[op.output].back();
  for (size_t row = 0; row < rows; ++row) {
    for (const int input : op.inputs) {
      const int channels = dims_[input].back();
      const auto first = values[input].begin() + static_cast<ptrdiff_t>(row) * channels;
      out.insert(out.end(), first, first + channels);
    }
  }
  return out;
}

Values TestGraph::EvaluateMean(const Values& in, const Dims& dims) const {
  Values out(int64_t{dims[0]} * dims[3], 0.0);
  const int pixels = dims[1] * dims[2];
  for (size_t i = 0; i < in.size(); ++i) {
    const size_t image = i / (static_cast<size_t>(pixels) * dims[3]);
    out[image * dims[3] + i % dims[3]] += in[i] / pixels;
  }
  return out;
}

Values TestGraph::EvaluateLayerNorm(const GraphOp& op, const Values& in, int channels) const {
  const auto& norm = op.As<LayerNormOp>();
  const auto number = [](const std::vector<float>& numbers, int c) {
    return double{numbers[numbers.size() == 1 ? 0 : c]};
  };
  Values out;
  for (size_t first = 0; first < in.size(); first += channels) {
    double mean = 0.0, variance = 0.0;
    for (int c = 0; c < channels; ++c) mean += in[first + c] / channels;
    for (int c = 0; c < channels; ++c) variance += std::pow(in[first + c] - mean, 2) / channels;
    for (int c = 0; c < channels; ++c) {
      const double normal = (in[first + c] - mean) / std::sqrt(variance + norm.epsilon);
      out.push_back(
          Activate(op, normal * number(norm.channels.scale, c) + number(norm.channels.offset, c)));
    }
  }
  return out;
}

Values TestGraph::EvaluatePad(const GraphOp& op, const Values& in, const Dims& dims) const {
  const Pads& pads = op.As<PadOp>().pads;
  Values out(Elements(dims_[op.output]), op.As<PadOp>().value);
  const Dims& to = dims_[op.output];
  for (size_t i = 0; i < in.size(); ++i) {
    const int c = i % dims[3], x = i / dims[3] % dims[2];
    const int y = i / dims[3] / dims[2] % dims[1], b = i / dims[3] / dims[2] / dims[1];
    out[((int64_t{b} * to[1] + y + pads.top) * to[2] + x + pads.left) * to[3] + c] = in[i];
  }
  return out;
}

Values TestGraph::EvaluateTranspose(const GraphOp& op, const Values& in, const Dims& dims) const {
  const bool to_nhwc = op.As<TransposeOp>().to_nhwc;
  const int channels = dims[to_nhwc ? 1 : 3],
            pixels = static_cast<int>(in.size()) / dims[0] / channels;
  Values out(in.size());
  for (size_t i = 0; i < in.size(); ++i) {  // of what has the channels first
    const size_t image = i / pixels / channels;
    const size_t nhwc = (image * pixels + i % pixels) * channels + i / pixels % channels;
    out[to_nhwc ? nhwc : i] = in[to_nhwc ? i : nhwc];
  }
  return out;
}

Values TestGraph::EvaluateResize(const ResizeOp& resize, const Values& in, const Dims& dims) const {
  Values out;
  for (int b = 0; b < dims[0]; ++b) {
    for (int i = 0; i < resize.height * resize.width * dims[3]; ++i) {
      const double y = PlaceOf(resize, i / dims[3] / resize.width, dims[1], resize.height);
      const double x = PlaceOf(resize, i / dims[3] % resize.width, dims[2], resize.width);
      double sum = 0.0;
      for (int from = 0; from < dims[1] * dims[2]; ++from) {
        const double weight = WeightOf(resize, y, from / dims[2], dims[1]) *
                              WeightOf(resize, x, from % dims[2], dims[2]);
        if (weight == 0.0) continue;
        sum += weight * in[(int64_t{b} * dims[1] * dims[2] + from) * dims[3] + i % dims[3]];
      }
      out.push_back(sum);
    }
  }
  return out;
}

Values TestGraph::EvaluateBlocks(const Values& in, const Dims& small, int block,
                                 bool to_space) const {
  Values out(in.size());
  const int channels = small[3] / (block * block);
  for (size_t i = 0; i < in.size(); ++i) {  // of the small image
    const int c = i % small[3] % channels, phase = i % small[3] / channels;
    const int x = i / small[3] % small[2] * block + phase % block;
    const int y = i / small[3] / small[2] % small[1] * block + phase / block;
    const int b = i / small[3] / small[2] / small[1];
    const size_t large =
        ((int64_t{b} * small[1] * block + y) * small[2] * block + x) * channels + c;
    out[to_space ? large : i] = in[to_space ? i : large];
  }
  return out;
}

Values TestGraph::EvaluateDense(const GraphOp& op, const Values& in) const {
  const int lanes = AttributesOf(op).in_channels;
  const int channels = AttributesOf(op).out_channels;
  Values out;
  for (size_t row = 0; row < in.size() / lanes; ++row) {
    for (int c = 0; c < channels; ++c) {
      double sum = TestLayerOf(op).bias[c];
      for (int k = 0; k < lanes; ++k) {
        sum += double{TestLayerOf(op).dense[int64_t{k} * channels + c]} * in[row * lanes + k];
      }
      out.push_back(Activate(op, sum));
    }
  }
  return out;
}

Values TestGraph::EvaluateWindow(const GraphOp& op, const Values& in, const Dims& dims) const {
  const LayerAttributes& a = AttributesOf(op);
  const int top = CountWindows(dims[1], a.kernel_h, a.stride_h, a.dilation_h, a.padding).before;
  const int left = CountWindows(dims[2], a.kernel_w, a.stride_w, a.dilation_w, a.padding).before;
  const Dims& to = dims_[op.output];
  Values out;
  for (int b = 0; b < to[0]; ++b) {
    for (int y = 0; y < to[1]; ++y) {
      for (int x = 0; x < to[2]; ++x) {
        for (int c = 0; c < to[3]; ++c) out.push_back(WindowAt(op, in, top, left, b, y, x, c));
      }
    }
  }
  return out;
}

double TestGraph::WindowAt(const GraphOp& op, const Values& in, int top, int left, int b, int y,
                           int x, int c) const {
  const LayerAttributes& a = AttributesOf(op);
  const Dims& from = dims_[op.inputs[0]];
  double result = op.type() == OpType::kMaxPool2D ? -kLargest : 0.0;
  if (op.type() == OpType::kDepthwiseConv2D) result = op.As<DepthwiseConv2DOp>().bias[c];
  if (op.type() == OpType::kConv2D) result = TestLayerOf(op).bias[c];
  int inside = 0;
  for (int tap = 0; tap < a.kernel_h * a.kernel_w; ++tap) {
    const int in_y = y * a.stride_h + tap / a.kernel_w * a.dilation_h - top;
    const int in_x = x * a.stride_w + tap % a.kernel_w * a.dilation_w - left;
    if (in_y < 0 || in_y >= from[1] || in_x < 0 || in_x >= from[2]) continue;
    const double* pixel = &in[((int64_t{b} * from[1] + in_y) * from[2] + in_x) * from[3]];
    ++inside;
    if (op.type() == OpType::kMaxPool2D) {
      result = std::max(result, pixel[c]);
    } else if (op.type() == OpType::kAveragePool2D) {
      result += pixel[c];
    } else if (op.type() == OpType::kDepthwiseConv2D) {
      result += op.As<DepthwiseConv2DOp>().weights[int64_t{tap} * from[3] + c] * pixel[c];
    } else {
      for (int k = 0; k < from[3]; ++k) {
        const int64_t lane = int64_t{tap} * from[3] + k;
        result += TestLayerOf(op).dense[lane * a.out_channels + c] * pixel[k];
      }
    }
  }
  if (op.type() == OpType::kAveragePool2D) result /= inside;
  return Activate(op, result);
}

void ExpectClose(const std::vector<std::vector<float>>& outputs,
                 const std::vector<Values>& expected, double tolerance) {
  constexpr double kMostAtOnce = 20.0;
  ASSERT_EQ(outputs.size(), expected.size());
  for (size_t o = 0; o < outputs.size(); ++o) {
    double range = 1.0;
    for (const double value : expected[o]) {
      if (std::abs(value) < kLargest) range = std::max(range, std::abs(value));
    }
    ASSERT_EQ(outputs[o].size(), expected[o].size());
    double squares = 0.0;
    for (size_t i = 0; i < outputs[o].size(); ++i) {
      if (std::abs(expected[o][i]) >= kLargest) {
        // What is a mean of such is rounded, too.
        const double share = outputs[o][i] / expected[o][i];
        ASSERT_TRUE(outputs[o][i] == expected[o][i] ||
                    std::abs(share - 1.0) <= kMostAtOnce * tolerance)
            << "output " << o << ", element " << i << ": " << outputs[o][i] << ", expected "
            << expected[o][i];
        continue;
      }
      const double difference = outputs[o][i] - expected[o][i];
      squares += difference * difference;
      ASSERT_LE(std::abs(difference), kMostAtOnce * tolerance * range)
          << "output " << o << ", element " << i << ": " << outputs[o][i] << ", expected "
          << expected[o][i];
    }
    const double size = std::max<double>(1.0, static_cast<double>(outputs[o].size()));
    ASSERT_LE(std::sqrt(squares / size), tolerance * range) << "output " << o;
  }
}

void ExpectRuns(TestGraph* test, const PlanRules& rules) {
  const std::vector<float> input = test->RandomInput();
  const std::vector<Values> expected = test->Expected(input);
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (!isa->supported()) continue;
    SCOPED_TRACE(isa->name);
    const std::vector<std::vector<float>> outputs = test->Run({isa, 1, rules, false, true}, input);
    ExpectClose(outputs, expected);
    if (testing::Test::HasFatalFailure()) return;
    for (const int threads : {2, 3})
      EXPECT_EQ(outputs, test->Run({isa, threads, rules, false, true}, input));
  }
}

}  // namespace ubp
