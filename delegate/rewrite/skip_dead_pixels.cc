// SPDX-License-Identifier: Apache-2.0
#include "delegate/rewrite/skip_dead_pixels.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ubp {
namespace {

struct Stride {
  int h;
  int w;
};

// An average is not one of fewer pixels.
bool CanSkipPixels(const GraphOp& op) {
  return HasWindow(op) && op.type() != OpType::kAveragePool2D;
}

// Reads just the pixels at multiples of its stride.
bool ReadsSparsely(const ShapedOp& op) {
  const ConvShape& s = op.shape;
  return op.op->type() == OpType::kConv2D && s.kernel_h == 1 && s.kernel_w == 1 && s.unpadded() &&
         !s.unit_stride();
}

// The ops that read `tensor` in all pixels but those between the strides: empty if any other does.
std::vector<ShapedOp*> SparseReaders(ShapedGraph* graph, int tensor) {
  std::vector<ShapedOp*> readers;
  for (ShapedOp& op : graph->ops) {
    if (op.ReadsAsWell(tensor)) return {};
    if (op.input != tensor) continue;
    const bool same = readers.empty() || (op.shape.stride_h == readers[0]->shape.stride_h &&
                                          op.shape.stride_w == readers[0]->shape.stride_w);
    if (!ReadsSparsely(op) || !same) return {};
    readers.push_back(&op);
  }
  return readers;
}

// The op that copies every stride-th pixel of `tensor` to a new tensor of height h and width w: a
// pooling over windows of one pixel. Of floats an average, which keeps NaN, of int8 a maximum, which
// divides nothing.
ShapedOp Subsample(ShapedGraph* graph, int tensor, Stride stride, int h, int w) {
  auto op = std::make_unique<GraphOp>();
  op->label = "every pixel that is read";
  Pool2DOp copy;
  const bool is_int8 = graph->tensors[tensor].type.is_int8();
  copy.kind = is_int8 ? PoolKind::kMax : PoolKind::kAverage;
  copy.attributes.padding = Padding::kValid;
  op->details = copy;
  op->elements = graph->tensors[tensor].type.elements;
  const Dims dims = graph->tensors[tensor].dims;
  ShapedOp shaped;
  shaped.op = op.get();
  shaped.input = tensor;
  shaped.output = static_cast<int>(graph->tensors.size());
  shaped.shape = {dims[0],  dims[1],  dims[2], dims[3], h, w, dims[3], 1, 1,
                  stride.h, stride.w, 1,       1,       0, 0, 0,       0};
  ShapedTensor output;
  output.dims = {dims[0], h, w, dims[3]};
  output.type = graph->tensors[tensor].type;
  graph->tensors.push_back(std::move(output));
  graph->own_ops.push_back(std::move(op));
  return shaped;
}

}  // namespace

void SkipDeadPixels(ShapedGraph* graph) {
  for (size_t i = graph->ops.size(); i-- > 0;) {
    ShapedOp& writer = graph->ops[i];
    ShapedTensor& written = graph->tensors[writer.output];
    if (written.storage != Storage::kInternal || !CanSkipPixels(*writer.op)) continue;
    const std::vector<ShapedOp*> readers = SparseReaders(graph, writer.output);
    if (readers.empty()) continue;
    const Stride stride = {readers[0]->shape.stride_h, readers[0]->shape.stride_w};
    if (writer.shape.stride_h > kMaxWindow / stride.h ||
        writer.shape.stride_w > kMaxWindow / stride.w) {
      continue;
    }
    const int h = readers[0]->shape.out_h;
    const int w = readers[0]->shape.out_w;
    for (ShapedOp* reader : readers) {
      reader->shape.in_h = h;
      reader->shape.in_w = w;
      reader->shape.stride_h = reader->shape.stride_w = 1;
      reader->shape.SetTrailingPads();
    }
    written.dims[1] = writer.shape.out_h = h;
    written.dims[2] = writer.shape.out_w = w;
    writer.shape.stride_h *= stride.h;
    writer.shape.stride_w *= stride.w;
    writer.shape.SetTrailingPads();
    if (writer.second < 0) continue;
    const ShapedOp subsample = Subsample(graph, writer.second, stride, h, w);
    writer.second = subsample.output;
    graph->ops.insert(graph->ops.begin() + static_cast<ptrdiff_t>(i), subsample);
  }
}

}  // namespace ubp
