#include "delegate/graph/costs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>

#include "delegate/graph/fusion.h"
#include "delegate/graph/node_view.h"

namespace ubp {
namespace {

// All constants are in the time of one multiply-add of XNNPACK's dense convolution, 0.018 ns on the
// machine they were measured on: x86-64 with AVX-512, one thread. Other instruction sets and more
// threads change the times of both sides much alike; the same constants serve for them.

// One element of a tensor of several pixels: an image made planes, planes made an image; and what
// there is for each plane, however small.
constexpr double kToPlanes = 9.0;
constexpr double kToImage = 19.0;
constexpr double kPlane = 300.0;
// One element and one channel of an image that a convolution makes planes of: a pointwise one, if
// it writes planes, and one with a window, whose planes strides cut apart.
constexpr double kImageToPointwise = 9.0;
constexpr double kChannelToPointwise = 1500.0;
constexpr double kImageToWindow = 7.0;
constexpr double kChannelToWindow = 3000.0;
constexpr double kImageToStrides = 15.0;
// Calling one part.
constexpr double kPart = 10e3;

// An element of the output of a dense convolution, beside its multiply-adds.
constexpr double kDenseOutput = 10.0;
constexpr double kDenseOutputOfXnnpack = 15.0;
// Channels that XNNPACK computes together: of pointwise layers and few channels, and of others.
constexpr double kChannels = 16.0;
constexpr double kChannelsOfWindow = 32.0;
// A weight of a layer of one pixel, which comes from memory.
constexpr double kWeight = 4.0;
// An element of the output of a block-sparse layer, beside its blocks.
constexpr double kSparseOutput = 2.0;
// The delegate's dense convolutions: one multiply-add, and pixels that are computed together at
// least.
constexpr double kDenseInBlocks = 1.0;
constexpr double kTile = 16.0;
// One tap of a depthwise convolution and element of the output; XNNPACK's has kernels of its own for
// up to so many taps.
constexpr double kTap = 1.9;
constexpr double kTapOfXnnpack = 2.6;
constexpr double kTapOfXnnpackAbove = 3.2;
constexpr int kFewTaps = 9;

// Pooling: an element, and for each row of the window, of square ones; of large ones at most; and a
// plane. XNNPACK's is for each element of the output, and for as many taps as fit into one pass.
constexpr double kPoolElement = 2.0;
constexpr double kPoolRow = 5.6;
constexpr double kLargePoolElement = 40.0;
constexpr double kPoolPlane = 1500.0;
constexpr double kMaxPoolOfXnnpack = 25.0;
constexpr double kAveragePoolOfXnnpack = 17.0;

// Of an op without weights: for each element of the output, or of the input for MEAN. `alone`: more
// where the op is not fused with the one next to it.
struct OpCost {
  double taken = 0.0;
  double left = 0.0;
  double taken_alone = 0.0;
  double left_alone = 0.0;
};

// An operand of an elementwise op of two: as large as the output, a vector, or constant.
enum class Operand { kFull, kVector, kConstant };

OpCost CostOfArithmetic(OpType type, Operand operand) {
  switch (operand) {
    case Operand::kFull:
      return type == OpType::kAdd ? OpCost{1.5, 5.5, 6.0, 0.0} : OpCost{7.0, 5.5, 0.0, 0.0};
    case Operand::kVector:
      return {4.5, 10.0, 0.0, 0.0};
    case Operand::kConstant:
      return {0.0, 6.0, 6.0, 0.0};
  }
  return {};
}

OpCost CostOfOp(OpType type) {
  switch (type) {
    case OpType::kMean:
      return {5.5, 1.7, 0.0, 0.0};
    case OpType::kPad:
      return {0.0, 1.0, 10.0, 18.0};
    case OpType::kConcatenation:
      return {1.5, 4.0, 0.0, 0.0};
    case OpType::kReshape:
      return {1.0, 1.0, 0.0, 0.0};
    case OpType::kSoftmax:
      return {30.0, 30.0, 0.0, 0.0};
    case OpType::kClamp:
      return {0.0, 0.0, 6.0, 5.5};
    case OpType::kConv2D:
    case OpType::kFullyConnected:
    case OpType::kDepthwiseConv2D:
    case OpType::kMaxPool2D:
    case OpType::kAveragePool2D:
    case OpType::kAdd:
    case OpType::kSub:
    case OpType::kMul:
    case OpType::kFunction:
      break;  // by their shapes, and by the function
  }
  return {};
}

OpCost CostOfFunction(Elementwise function) {
  switch (function) {
    case Elementwise::kLeakyRelu:
      return {7.0, 3.5, 3.0, 0.0};
    case Elementwise::kElu:
      return {14.0, 16.0, 3.0, 0.0};
    case Elementwise::kHardSwish:
      return {5.0, 4.5, 3.0, 0.0};
    case Elementwise::kGelu:
      return {31.0, 18.0, 3.0, 0.0};
    case Elementwise::kGeluTanh:
      return {24.0, 18.0, 3.0, 0.0};
    case Elementwise::kExp:
      return {16.0, 13.0, 3.0, 0.0};
    case Elementwise::kLog:
      return {25.0, 16.0, 3.0, 0.0};
    default:  // LOGISTIC and TANH
      return {18.0, 13.0, 3.0, 0.0};
  }
}

bool IsArithmetic(OpType type) {
  return type == OpType::kAdd || type == OpType::kSub || type == OpType::kMul;
}

// Extents of a tensor; those the model file leaves open are made up.
struct Extent {
  double batch = 1.0;
  double pixels = 1.0;  // of one image; 1 for matrices
  double channels = 1.0;

  double elements() const { return batch * pixels * channels; }
  double planes() const { return batch * channels; }
};

Extent ExtentOf(const TfLiteTensor* tensor) {
  constexpr double kOpenSize = 32.0;
  Extent extent;
  if (tensor == nullptr) return extent;
  const Dims dims = FileDims(*tensor);
  if (dims.empty()) return extent;
  extent.channels = std::max(1, dims.back());
  for (size_t i = 0; i + 1 < dims.size(); ++i) {
    if (dims.size() == 4 && i > 0) {
      extent.pixels *= dims[i] > 0 ? dims[i] : kOpenSize;
    } else {
      extent.batch *= std::max(1, dims[i]);
    }
  }
  return extent;
}

class GraphMaker {
 public:
  GraphMaker(const TfLiteContext& context, const std::vector<ClaimedNode>& nodes)
      : context_(context), nodes_(nodes) {}

  CostGraph Make() {
    graph_.part = kPart;
    for (size_t i = 0; i < nodes_.size(); ++i) AddNode(i);
    writers_ = WritersOf(graph_);
    readers_ = ReadersOf(graph_);
    for (size_t t = 0; t < graph_.tensors.size(); ++t) {
      graph_.tensors[t].is_result = readers_[t].empty();
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (!graph_.nodes[i].can_take) continue;
      AddCosts(i);
      CostNode& node = graph_.nodes[i];
      node.host = HostOf(i);
      if (node.host >= 0) continue;
      node.taken += node.taken_alone;
      node.left += node.left_alone;
    }
    return std::move(graph_);
  }

 private:
  const ClaimResult& claim(size_t i) const { return *nodes_[i].claim; }
  OpType type(size_t i) const { return *claim(i).type; }
  Extent Input(size_t i) const { return ExtentOf(NodeView(context_, *nodes_[i].node).Input(0)); }
  Extent Output(size_t i) const { return ExtentOf(NodeView(context_, *nodes_[i].node).Output()); }

  void AddNode(size_t i) {
    graph_.nodes.emplace_back();
    if (nodes_[i].follows_reshape) return;
    const NodeView view(context_, *nodes_[i].node);
    CostNode& node = graph_.nodes.back();
    if (claim(i).type) {
      node.can_take = true;
      node.must_take = claim(i).packed;
      node.sparse = claim(i).sparse();
      for (const int place : claim(i).activations) AddInput(view, place, &node);
    } else {
      for (int k = 0; k < view.num_inputs(); ++k) AddInput(view, k, &node);
    }
    for (int k = 0; k < view.num_outputs(); ++k) {
      const int index = nodes_[i].node->outputs->data[k];
      // A damaged model may have written or read it before.
      if (index >= 0 && tensor_of_index_.count(index) == 0) node.outputs.push_back(TensorOf(index));
    }
    if (node.can_take) node.forms = FormsOf(i);
  }

  void AddInput(const NodeView& view, int place, CostNode* node) {
    const TfLiteTensor* const tensor = view.Input(place);
    if (tensor == nullptr || IsConstant(*tensor)) return;
    const int t = TensorOf(view.InputIndex(place));
    const bool is_new =
        std::find(node->inputs.begin(), node->inputs.end(), t) == node->inputs.end();
    if (is_new) node->inputs.push_back(t);
  }

  int TensorOf(int index) {
    const auto [found, added] =
        tensor_of_index_.try_emplace(index, static_cast<int>(graph_.tensors.size()));
    if (added) {
      const bool exists = static_cast<size_t>(index) < context_.tensors_size;
      const Extent extent = ExtentOf(exists ? &context_.tensors[index] : nullptr);
      CostTensor tensor;
      if (extent.pixels > 1.0) {  // a vector is the same in all forms
        tensor.to_planes = kToPlanes * extent.elements() + kPlane * extent.planes();
        tensor.to_image = kToImage * extent.elements();
      }
      graph_.tensors.push_back(tensor);
    }
    return found->second;
  }

  Operand OperandOf(size_t i) const {
    if (claim(i).activations.size() < 2) return Operand::kConstant;
    const NodeView view(context_, *nodes_[i].node);
    const double elements = Output(i).elements();
    const bool full = ExtentOf(view.Input(0)).elements() >= elements &&
                      ExtentOf(view.Input(1)).elements() >= elements;
    return full ? Operand::kFull : Operand::kVector;
  }

  Forms FormsOf(size_t i) const {
    switch (type(i)) {
      case OpType::kConv2D:
        return Forms::kEither;
      case OpType::kDepthwiseConv2D:
      case OpType::kMaxPool2D:
      case OpType::kAveragePool2D:
      case OpType::kPad:
        return Forms::kPlanes;
      case OpType::kMean:
        return Forms::kReduces;
      case OpType::kFullyConnected:
      case OpType::kReshape:
      case OpType::kSoftmax:
        return Forms::kImage;
      case OpType::kAdd:
      case OpType::kSub:
      case OpType::kMul:
        return OperandOf(i) == Operand::kVector ? Forms::kPlanes : Forms::kFollows;
      default:
        return Forms::kFollows;
    }
  }

  void AddCosts(size_t i) {
    const Extent output = Output(i);
    switch (type(i)) {
      case OpType::kConv2D:
      case OpType::kFullyConnected:
        AddLayerCosts(i);
        break;
      case OpType::kDepthwiseConv2D: {
        const int taps = claim(i).attributes.kernel_h * claim(i).attributes.kernel_w;
        const double tap = taps <= kFewTaps ? kTapOfXnnpack : kTapOfXnnpackAbove;
        SetCosts(i, {kTap * taps, tap * taps, 0.0, 0.0}, output);
        break;
      }
      case OpType::kMaxPool2D:
      case OpType::kAveragePool2D:
        AddPoolCosts(i);
        break;
      case OpType::kMean:
        SetCosts(i, CostOfOp(type(i)), Input(i));
        break;
      case OpType::kAdd:
      case OpType::kSub:
      case OpType::kMul:
        SetCosts(i, CostOfArithmetic(type(i), OperandOf(i)), output);
        break;
      case OpType::kFunction:
        SetCosts(i, CostOfFunction(claim(i).function), output);
        break;
      default:
        SetCosts(i, CostOfOp(type(i)), output);
    }
  }

  void SetCosts(size_t i, const OpCost& cost, const Extent& extent) {
    CostNode& node = graph_.nodes[i];
    const double elements = extent.elements();
    const bool in_planes = node.forms != Forms::kImage && extent.pixels > 1.0;
    const double planes = in_planes ? kPlane * extent.planes() : 0.0;
    node.taken = cost.taken * elements + (cost.taken > 0.0 ? planes : 0.0);
    node.left = cost.left * elements;
    node.taken_alone = cost.taken_alone * elements + (cost.taken > 0.0 ? 0.0 : planes);
    node.left_alone = cost.left_alone * elements;
  }

  void AddPoolCosts(size_t i) {
    CostNode& node = graph_.nodes[i];
    const double taps =
        static_cast<double>(claim(i).attributes.kernel_h) * claim(i).attributes.kernel_w;
    const Extent output = Output(i);
    const double element = std::min(kPoolElement + kPoolRow * std::sqrt(taps), kLargePoolElement);
    // Rows are reduced before columns, at all pixels.
    const double elements = (Input(i).elements() + output.elements()) / 2.0;
    node.taken = element * elements + kPoolPlane * output.planes();
    const double left = type(i) == OpType::kMaxPool2D ? kMaxPoolOfXnnpack : kAveragePoolOfXnnpack;
    node.left = left * std::max(1.0, taps / kFewTaps) * output.elements();
  }

  // Of a convolution or fully-connected layer.
  void AddLayerCosts(size_t i) {
    const NodeView view(context_, *nodes_[i].node);
    const LayerAttributes& attributes = claim(i).attributes;
    const Extent input = Input(i);
    const Extent output = Output(i);
    CostNode& node = graph_.nodes[i];
    const double pixels = output.batch * output.pixels;
    const double lanes = attributes.lanes();
    const bool pointwise = attributes.kernel_h * attributes.kernel_w == 1;
    const double tile =
        pointwise || attributes.out_channels <= kChannels ? kChannels : kChannelsOfWindow;
    const double channels = std::ceil(attributes.out_channels / tile) * tile;
    const double outputs = output.elements();
    if (pixels == 1.0) {
      node.left = kWeight * lanes * attributes.out_channels;
      node.taken = claim(i).sparse() ? kWeight * claim(i).choice.cost : node.left;
      return;
    }
    node.left = pixels * lanes * channels + kDenseOutputOfXnnpack * outputs;
    if (claim(i).sparse()) {
      // Both count dimensions that are open in their own way.
      const double scale = view.Output() != nullptr ? pixels / Pixels(*view.Output()) : 1.0;
      node.taken = claim(i).choice.cost * scale + kSparseOutput * outputs;
    } else {
      const double computed = std::ceil(output.pixels / kTile) * kTile * output.batch;
      node.taken =
          computed * lanes * attributes.out_channels * kDenseInBlocks + kDenseOutput * outputs;
    }
    if (input.pixels > 1.0 && node.forms == Forms::kEither) {
      if (pointwise) {
        node.image_to_planes =
            kImageToPointwise * input.elements() + kChannelToPointwise * input.planes();
      } else {
        const bool strided = attributes.stride_h * attributes.stride_w > 1;
        node.from_image = (strided ? kImageToStrides : kImageToWindow) * input.elements() +
                          kChannelToWindow * input.planes();
      }
    }
  }

  // The node that writes the first input of node i which nobody else reads, if there is one of which
  // `is_host` holds.
  template <typename Rule>
  int WriterOf(size_t i, const Rule& is_host) const {
    for (const int t : graph_.nodes[i].inputs) {
      const int writer = writers_[t];
      if (writer < 0 || !graph_.nodes[writer].can_take || readers_[t].size() != 1) continue;
      if (is_host(static_cast<size_t>(writer))) return writer;
    }
    return -1;
  }

  bool IsPlain(size_t i) const { return claim(i).attributes.activation == Activation::kNone; }

  bool Computes(size_t i, Elementwise function) const {
    return type(i) == OpType::kFunction && claim(i).function == function;
  }

  // Of softplus, whose LOG is behind: whether the constant is one is not looked at.
  bool AddsToExp(size_t i) const {
    if (type(i) != OpType::kAdd || OperandOf(i) != Operand::kConstant) return false;
    return WriterOf(i, [&](size_t w) { return Computes(w, Elementwise::kExp); }) >= 0;
  }

  // The node that node i is fused with where it can be, or -1: see fusion.h and layout.h.
  int HostOf(size_t i) const {
    switch (type(i)) {
      case OpType::kPad:
        return WindowBehind(i);
      case OpType::kClamp:
        return WriterOf(i, [&](size_t w) { return HasActivation(type(w)) && IsPlain(w); });
      case OpType::kFunction:
        return WriterOf(i, [&](size_t w) {
          return CanHaveFunction(type(w)) || (Computes(i, Elementwise::kLog) && AddsToExp(w));
        });
      case OpType::kAdd:
      case OpType::kSub:
      case OpType::kMul:
        if (OperandOf(i) == Operand::kConstant) {
          return WriterOf(i, [&](size_t w) {
            if (type(i) == OpType::kAdd && Computes(w, Elementwise::kExp)) return true;
            return IsArithmetic(type(w)) && OperandOf(w) == Operand::kConstant && IsPlain(w);
          });
        }
        if (OperandOf(i) == Operand::kVector || type(i) != OpType::kAdd) return -1;
        return WriterOf(i, [&](size_t w) { return type(w) == OpType::kConv2D && IsPlain(w); });
      default:
        return -1;
    }
  }

  // The first of the nodes that read what a PAD writes, if it becomes the padding of all of them.
  int WindowBehind(size_t pad) const {
    if (graph_.nodes[pad].outputs.empty()) return -1;
    const std::vector<int>& readers = readers_[graph_.nodes[pad].outputs[0]];
    const auto fuses = [&](int r) {
      return claim(r).type && HasWindow(type(r)) && claim(r).attributes.padding == Padding::kValid;
    };
    const bool all = !readers.empty() && std::all_of(readers.begin(), readers.end(), fuses);
    return all ? readers[0] : -1;
  }

  const TfLiteContext& context_;
  const std::vector<ClaimedNode>& nodes_;
  CostGraph graph_;
  std::map<int, int> tensor_of_index_;
  std::vector<int> writers_;
  std::vector<std::vector<int>> readers_;
};

}  // namespace

CostGraph MakeCostGraph(const TfLiteContext& context, const std::vector<ClaimedNode>& nodes) {
  return GraphMaker(context, nodes).Make();
}

}  // namespace ubp
