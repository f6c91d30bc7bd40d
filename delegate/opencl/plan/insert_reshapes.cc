// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/insert_reshapes.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "delegate/graph/dims.h"
#include "delegate/opencl/plan/tensors.h"

namespace ubp::opencl {
namespace {

class Inserter {
 public:
  explicit Inserter(ShapedGraph* graph) : graph_(*graph) {}

  Status Run() {
    std::vector<ShapedOp> ops = std::exchange(graph_.ops, {});
    for (ShapedOp& op : ops) UBP_RETURN_IF_ERROR(Insert(std::move(op)));
    return Status::Ok();
  }

 private:
  Status Insert(ShapedOp op) {
    if (op.op->If<FullyConnectedOp>()) {
      InsertAroundLayer(std::move(op));
    } else if (op.op->If<ConcatenationOp>()) {
      InsertAroundConcatenation(std::move(op));
    } else {
      if (IsElementwise(*op.op)) UBP_RETURN_IF_ERROR(InsertInFront(&op));
      graph_.ops.push_back(std::move(op));
    }
    return Status::Ok();
  }

  void InsertAroundLayer(ShapedOp op) {
    const ConvShape& s = op.shape;
    op.input = AsSeen(op.input, {s.batch, s.in_c}, *op.op);
    WriteAsSeen(std::move(op), {s.batch, s.out_c});
  }

  // Along an axis that SizeOf() makes part of the batch, rows are what lies behind it.
  void InsertAroundConcatenation(ShapedOp op) {
    const Dims output = graph_.tensors[op.output].dims;
    const int rank = static_cast<int>(output.size());
    int axis = op.op->As<ConcatenationOp>().axis;
    if (axis < 0) axis += rank;
    if (rank <= 4 || axis >= rank - 3) {
      graph_.ops.push_back(std::move(op));
      return;
    }
    const auto as_matrix = [&](const Dims& dims) {
      const Dims before(dims.begin(), dims.begin() + axis);
      const int rows = static_cast<int>(ElementsOf(before));
      return Dims{rows, static_cast<int>(ElementsOf(dims) / std::max(1, rows))};
    };
    op.input = AsSeen(op.input, as_matrix(graph_.tensors[op.input].dims), *op.op);
    for (int& input : op.further) {
      input = AsSeen(input, as_matrix(graph_.tensors[input].dims), *op.op);
    }
    auto along_channels = std::make_unique<GraphOp>(*op.op);
    along_channels->details = ConcatenationOp();
    op.op = along_channels.get();
    graph_.own_ops.push_back(std::move(along_channels));
    WriteAsSeen(std::move(op), as_matrix(output));
  }

  // Numbers of dimensions are made equal, from the last one on, as broadcasting does.
  Status InsertInFront(ShapedOp* op) {
    const Dims output = graph_.tensors[op->output].dims;
    for (int* const operand : {&op->input, &op->second}) {
      if (*operand < 0) continue;
      const Dims dims = graph_.tensors[*operand].dims;
      Dims same_rank(output.size() - dims.size(), 1);
      same_rank.insert(same_rank.end(), dims.begin(), dims.end());
      if (dims != output && output.size() > 4 && ElementsOf(dims) != dims.back()) {
        return Status::Error(op->op->label + ": an operand of shape " + ToString(dims) +
                             " does not broadcast to " + ToString(output) +
                             " on the GPU: use backend=cpu, or at most four dimensions.");
      }
      *operand = AsSeen(*operand, same_rank, *op->op);
    }
    return Status::Ok();
  }

  // The tensor, or a copy of the shape `dims`, where that is another image.
  int AsSeen(int tensor, const Dims& dims, const GraphOp& reader) {
    if (SizeOf(graph_.tensors[tensor].dims) == SizeOf(dims)) return tensor;
    const int copy = AddTensor(dims);
    AddReshape(tensor, copy, dims, reader);
    return copy;
  }

  void WriteAsSeen(ShapedOp op, const Dims& dims) {
    const int output = op.output;
    const GraphOp& writer = *op.op;
    const bool same = SizeOf(graph_.tensors[output].dims) == SizeOf(dims);
    if (!same) op.output = AddTensor(dims);
    const int written = op.output;
    graph_.ops.push_back(std::move(op));
    if (!same) AddReshape(written, output, graph_.tensors[output].dims, writer);
  }

  int AddTensor(const Dims& dims) {
    graph_.tensors.push_back({Storage::kInternal, dims, {}});
    return static_cast<int>(graph_.tensors.size()) - 1;
  }

  void AddReshape(int from, int to, const Dims& dims, const GraphOp& reader) {
    auto reshape = std::make_unique<GraphOp>();
    reshape->label = reader.label;
    reshape->node = reader.node;
    ReshapeOp details;
    details.dims = dims;
    reshape->details = details;
    ShapedOp op;
    op.op = reshape.get();
    op.input = from;
    op.output = to;
    graph_.own_ops.push_back(std::move(reshape));
    graph_.ops.push_back(std::move(op));
  }

  ShapedGraph& graph_;
};

}  // namespace

Status InsertReshapes(ShapedGraph* graph) { return Inserter(graph).Run(); }

}  // namespace ubp::opencl
