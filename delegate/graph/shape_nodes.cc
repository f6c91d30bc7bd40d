#include "delegate/graph/shape_nodes.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>

#include "delegate/graph/node_view.h"

namespace ubp {
namespace {

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

  // Those that only `reshape` needs; none if its shape is computed in any other way.
  std::vector<size_t> For(size_t reshape) const {
    const int reshaped = View(reshape).InputIndex(0);
    const std::optional<size_t> pack = Writer(View(reshape).InputIndex(1), ShapeOp::kPack);
    if (!pack) return {};
    std::vector<size_t> found = {*pack};
    for (int i = 0; i < View(*pack).num_inputs(); ++i) {
      if (IsConstantInput(*pack, i)) continue;
      const std::optional<size_t> slice = Writer(View(*pack).InputIndex(i), ShapeOp::kStridedSlice);
      if (!slice || !HasConstantBounds(*slice)) return {};
      const std::optional<size_t> shape = Writer(View(*slice).InputIndex(0), ShapeOp::kShape);
      if (!shape || View(*shape).InputIndex(0) != reshaped) return {};
      found.push_back(*slice);
      found.push_back(*shape);
    }
    std::vector<size_t> readers = found;
    readers.push_back(reshape);
    const auto is_read_here = [&](size_t node) { return AllReadersAreAmong(readers, node); };
    return std::all_of(found.begin(), found.end(), is_read_here) ? found : std::vector<size_t>();
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

  bool IsConstantInput(size_t node, int input) const {
    const TfLiteTensor* const tensor = View(node).Input(input);
    return tensor != nullptr && IsConstant(*tensor);
  }

  bool HasConstantBounds(size_t slice) const {
    for (int i = 1; i < View(slice).num_inputs(); ++i) {
      if (!IsConstantInput(slice, i)) return false;
    }
    return true;
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

void TakeShapeNodes(const TfLiteContext& context, const std::vector<TfLiteNode*>& nodes,
                    std::vector<NodeDecision>* decisions) {
  const ShapeNodes shape_nodes(context, nodes, *decisions);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!(*decisions)[i].taken || (*decisions)[i].claim.type != OpType::kReshape) continue;
    for (const size_t node : shape_nodes.For(i)) {
      (*decisions)[node].taken = true;
      (*decisions)[node].reason.clear();
    }
  }
}

}  // namespace ubp
