// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/shape_nodes.h"

#include <algorithm>
#include <map>
#include <optional>

#include "delegate/tflite/model/builtin_params.h"
#include "delegate/tflite/model/node_view.h"

namespace ubp {
namespace {

// The places of what an op with a shape as an input reads.
struct ShapedInputs {
  int activation;
  int shape;
};

std::optional<ShapedInputs> InputsOf(const ClaimResult& claim) {
  if (claim.packed) return std::nullopt;  // has the sizes in its attributes
  if (claim.type() == OpType::kReshape) return ShapedInputs{0, 1};
  if (claim.type() == OpType::kTransposeConv2D) return ShapedInputs{2, 0};
  return std::nullopt;
}

// Of a transposed convolution only the batch may be the input's.
bool SuitsOp(const Dims& sizes, const GraphOp& op) {
  if (op.If<ReshapeOp>()) return true;
  return sizes.size() == 4 && (sizes[0] == OfInput(0) || sizes[0] > 0) &&
         std::all_of(sizes.begin() + 1, sizes.end(), [](int size) { return size > 0; });
}

// Whether nothing that the node reads comes from a node beside those that compute its shape: else
// these may be in an earlier part.
bool ReadsConstants(const NodeView& node, const ClaimResult& claim) {
  if (claim.type() != OpType::kTransposeConv2D) return true;
  for (int i = 0; i < node.num_inputs(); ++i) {
    const ShapedInputs inputs = *InputsOf(claim);
    const TfLiteTensor* const tensor = node.Input(i);
    if (i == inputs.activation || i == inputs.shape || tensor == nullptr) continue;
    if (!IsConstant(*tensor)) return false;
  }
  return true;
}

// The sizes, as ReshapeOp::dims has them, and the nodes that compute them.
struct ComputedShape {
  Dims dims;
  std::vector<size_t> nodes;
};

class ShapeNodes {
 public:
  ShapeNodes(const TfLiteContext& context, const std::vector<TfLiteNode*>& nodes,
             const std::vector<NodeDecision>& decisions)
      : context_(context), nodes_(nodes), decisions_(decisions) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (int k = 0; k < nodes[i]->inputs->size; ++k) {
        readers_[nodes[i]->inputs->data[k]].push_back(i);
      }
      for (int k = 0; k < nodes[i]->outputs->size; ++k) writer_[nodes[i]->outputs->data[k]] = i;
    }
  }

  // How the shape that a node gives its output is computed, as above; nothing if it is in any other
  // way.
  std::optional<ComputedShape> ShapeOf(size_t reshape) const {
    const ShapedInputs inputs = *InputsOf(decisions_[reshape].claim);
    const int reshaped = View(reshape).InputIndex(inputs.activation);
    const std::optional<size_t> pack =
        Writer(View(reshape).InputIndex(inputs.shape), ShapeOp::kPack);
    if (!pack) return std::nullopt;
    ComputedShape shape;
    shape.nodes = {*pack};
    for (int i = 0; i < View(*pack).num_inputs(); ++i) {
      std::vector<int32_t> size;
      if (View(*pack).ReadInts(i, "size", 1, &size).ok()) {
        if (size[0] < kRestOfElements) return std::nullopt;
        shape.dims.push_back(size[0]);
        continue;
      }
      const std::optional<size_t> slice = Writer(View(*pack).InputIndex(i), ShapeOp::kStridedSlice);
      const std::optional<int> axis = slice ? AxisOf(*slice) : std::nullopt;
      if (!axis) return std::nullopt;
      const std::optional<size_t> whole = Writer(View(*slice).InputIndex(0), ShapeOp::kShape);
      if (!whole || View(*whole).InputIndex(0) != reshaped) return std::nullopt;
      shape.dims.push_back(OfInput(*axis));
      shape.nodes.push_back(*slice);
      shape.nodes.push_back(*whole);
    }
    if (std::count(shape.dims.begin(), shape.dims.end(), kRestOfElements) > 1) return std::nullopt;
    return shape;
  }

  // Whether only `reshape` needs what these nodes compute.
  bool ServeOnly(size_t reshape, const std::vector<size_t>& nodes) const {
    std::vector<size_t> readers = nodes;
    readers.push_back(reshape);
    const auto is_read_here = [&](size_t node) { return AllReadersAreAmong(readers, node); };
    return std::all_of(nodes.begin(), nodes.end(), is_read_here);
  }

 private:
  NodeView View(size_t node) const { return NodeView(context_, *nodes_[node]); }

  // The node of this kind that writes `tensor`, and nothing else.
  std::optional<size_t> Writer(int tensor, ShapeOp kind) const {
    const auto found = writer_.find(tensor);
    if (found == writer_.end() || decisions_[found->second].claim.shape_op != kind ||
        View(found->second).num_outputs() != 1) {
      return std::nullopt;
    }
    return found->second;
  }

  // The one axis whose size a STRIDED_SLICE of a shape is, as a number without dimensions.
  std::optional<int> AxisOf(size_t slice) const {
    const NodeView view = View(slice);
    const auto* params = view.Parameters<builtin::StridedSliceParams>();
    std::vector<int32_t> begin;
    const bool is_size = params != nullptr && params->shrink_axis_mask == 1 &&
                         params->begin_mask == 0 && params->ellipsis_mask == 0 &&
                         params->new_axis_mask == 0 && view.ReadInts(1, "begin", 1, &begin).ok();
    if (!is_size || begin[0] < 0) return std::nullopt;
    return begin[0];
  }

  bool AllReadersAreAmong(const std::vector<size_t>& nodes, size_t writer) const {
    const std::vector<size_t>& readers = readers_.at(View(writer).OutputIndex());
    const auto is_among = [&](size_t reader) {
      return std::find(nodes.begin(), nodes.end(), reader) != nodes.end();
    };
    return std::all_of(readers.begin(), readers.end(), is_among);
  }

  const TfLiteContext& context_;
  const std::vector<TfLiteNode*>& nodes_;
  const std::vector<NodeDecision>& decisions_;
  std::map<int, std::vector<size_t>> readers_;  // by tensor
  std::map<int, size_t> writer_;                // by tensor
};

}  // namespace

void ReadComputedShapes(const TfLiteContext& context, const std::vector<TfLiteNode*>& nodes,
                        std::vector<NodeDecision>* decisions) {
  const ShapeNodes shape_nodes(context, nodes, *decisions);
  for (size_t i = 0; i < nodes.size(); ++i) {
    ClaimResult& claim = (*decisions)[i].claim;
    const std::optional<ShapedInputs> inputs = InputsOf(claim);
    if (!inputs) continue;
    const TfLiteTensor* const shape = NodeView(context, *nodes[i]).Input(inputs->shape);
    if (shape == nullptr || IsConstant(*shape)) continue;  // claimed as it is
    const std::optional<ComputedShape> computed = shape_nodes.ShapeOf(i);
    if (computed && SuitsOp(computed->dims, *claim.graph_op)) {
      claim.reshape = computed->dims;
    } else {
      claim.graph_op.reset();
      claim.reason = "the shape is no constant, nor made of sizes of the input.";
    }
  }
}

std::vector<std::vector<size_t>> FindShapeNodes(const TfLiteContext& context,
                                                const std::vector<TfLiteNode*>& nodes,
                                                const std::vector<NodeDecision>& decisions) {
  const ShapeNodes shape_nodes(context, nodes, decisions);
  std::vector<std::vector<size_t>> found(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!decisions[i].claim.type() || decisions[i].claim.reshape.empty()) continue;
    const std::vector<size_t> needed = shape_nodes.ShapeOf(i)->nodes;
    const bool in_one_part = ReadsConstants(NodeView(context, *nodes[i]), decisions[i].claim);
    if (in_one_part && shape_nodes.ServeOnly(i, needed)) found[i] = needed;
  }
  return found;
}

}  // namespace ubp
