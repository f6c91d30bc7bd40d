// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/choose_geometries.h"

#include <algorithm>
#include <map>
#include <utility>

#include "delegate/cpu/operators/phase_planes.h"

namespace ubp {
namespace {

using Size = std::pair<int, int>;  // height and width

Size SizeOf(const TensorLayout& tensor) { return {tensor.dims[1], tensor.dims[2]}; }

// What all ops need.
Status FindHalos(const GraphLayout& layout, std::map<Size, Halo>* halos) {
  for (const PlannedOp& op : layout.ops) {
    if (!HasWindow(*op.op)) continue;
    const ConvShape& s = op.depthwise ? op.depthwise->shape : op.shape;
    const TensorLayout& input = layout.tensors[op.input];
    const TensorLayout& output = layout.tensors[op.output];
    if (input.planes && ReadsInPlace(op)) {
      const Halo needed = HaloFor(s);
      Halo& halo = (*halos)[SizeOf(input)];
      halo.rows = std::max(halo.rows, needed.rows);
      halo.columns = std::max(halo.columns, needed.columns);
    }
    if (output.planes) {
      const int64_t junk = PhasePlanes::MinPitch(s) - s.out_w;
      if (junk > kMaxPlaneFloats) return PhasePlanes::Check(s, s.out_h, PhasePlanes::MinPitch(s));
      Halo& halo = (*halos)[SizeOf(output)];
      halo.columns = std::max(halo.columns, static_cast<int>(junk));
    }
  }
  return Status::Ok();
}

// Whether depthwise convolutions that go by way of planes of their own, one channel at a time, can
// have them. Other convolutions check that themselves.
Status CheckDepthwise(const GraphLayout& layout) {
  for (const PlannedOp& op : layout.ops) {
    if (op.op->type() != OpType::kDepthwiseConv2D || ReadsInPlace(op)) continue;
    ConvShape one_channel = op.shape;
    one_channel.in_c = one_channel.out_c = 1;
    const int pitch = layout.tensors[op.output].geometry.pitch;
    const Status status = PhasePlanes::Check(one_channel, op.shape.out_h, pitch);
    if (!status.ok()) return Status::Error(op.op->label + ": " + status.message());
  }
  return Status::Ok();
}

}  // namespace

Status ChooseGeometries(GraphLayout* layout) {
  std::map<Size, Halo> halos;
  UBP_RETURN_IF_ERROR(FindHalos(*layout, &halos));
  std::map<Size, PlaneGeometry> geometries;
  for (TensorLayout& tensor : layout->tensors) {
    if (!tensor.planes) continue;
    const Size size = SizeOf(tensor);
    const auto [found, is_new] = geometries.try_emplace(size);
    if (is_new) {
      UBP_RETURN_IF_ERROR(MakePlaneGeometry(size.first, size.second, halos[size], &found->second));
    }
    tensor.geometry = found->second;
  }
  return CheckDepthwise(*layout);
}

}  // namespace ubp
