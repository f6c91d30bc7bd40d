// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/tensors.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "delegate/graph/dims.h"

namespace ubp::opencl {
namespace {

using HeightAndWidth = std::pair<int, int>;

struct Halo {
  int64_t rows = 0;
  int64_t columns = 0;
};

// How far windows read beyond an image of `size` pixels along one axis.
int64_t Reach(int size, int out, int kernel, int stride, int dilation, int pad) {
  const int64_t last = int64_t{out - 1} * stride + int64_t{kernel - 1} * dilation - pad;
  return std::max({int64_t{0}, int64_t{pad}, last - (size - 1)});
}

// Of convolutions; poolings look where the image ends.
Halo HaloOf(const ShapedOp& op) {
  if (op.op->type() != OpType::kConv2D && op.op->type() != OpType::kDepthwiseConv2D) return {};
  const ConvShape& s = op.shape;
  return {Reach(s.in_h, s.out_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top),
          Reach(s.in_w, s.out_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left)};
}

std::set<int> UsedTensors(const ShapedGraph& graph) {
  std::set<int> used;
  for (const ShapedOp& op : graph.ops) {
    for (const int input : op.Inputs()) used.insert(input);
    used.insert(op.output);
  }
  return used;
}

// Puts the inputs of concatenations along channels that lie nowhere else into their outputs.
void PlaceConcatenations(const ShapedGraph& graph, std::vector<TensorOnDevice>* tensors) {
  for (const ShapedOp& op : graph.ops) {
    const auto* concatenation = op.op->If<ConcatenationOp>();
    if (concatenation == nullptr) continue;
    const int rank = static_cast<int>(graph.tensors[op.output].dims.size());
    if (concatenation->axis != -1 && concatenation->axis != rank - 1) continue;
    int channel = 0;
    for (const int input : op.Inputs()) {
      TensorOnDevice& tensor = (*tensors)[input];
      if (tensor.container < 0 && OutermostOf(*tensors, op.output) != input) {
        tensor.container = op.output;
        tensor.first_channel = channel;
      }
      channel += tensor.size.channels;
    }
  }
}

}  // namespace

ImageSize SizeOf(const Dims& dims) {
  ImageSize size;
  const size_t rank = dims.size();
  if (rank > 0) size.channels = dims[rank - 1];
  if (rank == 2) size.batch = dims[0];
  if (rank < 3) return size;
  size.width = dims[rank - 2];
  size.height = dims[rank - 3];
  for (size_t i = 0; i + 3 < rank; ++i) size.batch *= dims[i];
  return size;
}

int OutermostOf(const std::vector<TensorOnDevice>& tensors, int tensor) {
  while (tensors[tensor].container >= 0) tensor = tensors[tensor].container;
  return tensor;
}

Status PlaceTensors(const ShapedGraph& graph, std::vector<TensorOnDevice>* tensors) {
  std::map<HeightAndWidth, Halo> halos;
  tensors->assign(graph.tensors.size(), TensorOnDevice());
  const std::set<int> used = UsedTensors(graph);
  for (const int t : used) {
    const Dims& dims = graph.tensors[t].dims;
    (*tensors)[t].size = SizeOf(dims);
    (*tensors)[t].rank = static_cast<int>(dims.size());
  }
  for (const ShapedOp& op : graph.ops) {
    const ImageSize& input = (*tensors)[op.input].size;
    Halo& halo = halos[{input.height, input.width}];
    const Halo needed = HaloOf(op);
    halo.rows = std::max(halo.rows, needed.rows);
    halo.columns = std::max(halo.columns, needed.columns);
  }
  for (const int t : used) {
    const ImageSize& size = (*tensors)[t].size;
    const Halo halo = halos[{size.height, size.width}];
    // An empty tensor has memory for one pixel, which nobody reads.
    const PlaneForm form = {std::max(1, size.height), std::max(1, size.width), halo.rows,
                            halo.columns};
    (*tensors)[t].form = form;
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    // Each factor is below 2^31 squared at most: a plane is checked before all planes are.
    const bool plane_fits = form.row() < kMost && form.lead() / form.row() < kMost &&
                            form.lead() < kMost && form.plane() < kMost;
    if (!plane_fits || size.batch * size.channels > kMost / form.plane() ||
        form.elements(size.batch * size.channels) > kMost) {
      return Status::Error("a tensor of shape " + ToString(graph.tensors[t].dims) +
                           ", with the zeros that windows read around it, has 2^31 elements or "
                           "more on the GPU: use backend=cpu.");
    }
  }
  PlaceConcatenations(graph, tensors);
  return Status::Ok();
}

Planes PlanesOf(const std::vector<TensorOnDevice>& tensors, int tensor,
                const std::vector<size_t>& arena) {
  const TensorOnDevice& placed = tensors[tensor];
  int64_t first_channel = 0;
  int outermost = tensor;
  while (tensors[outermost].container >= 0) {
    first_channel += tensors[outermost].first_channel;
    outermost = tensors[outermost].container;
  }
  const int64_t plane = placed.form.plane();
  Planes planes;
  planes.origin =
      static_cast<int32_t>(arena[outermost] + placed.form.lead() + first_channel * plane);
  planes.row = static_cast<int32_t>(placed.form.row());
  planes.plane = static_cast<int32_t>(plane);
  planes.image = static_cast<int32_t>(tensors[outermost].size.channels * plane);
  planes.width = placed.size.width;
  planes.height = placed.size.height;
  planes.channels = placed.size.channels;
  planes.batch = static_cast<int32_t>(placed.size.batch);
  return planes;
}

}  // namespace ubp::opencl
