// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/step_builder.h"

#include <cstdint>
#include <cstring>

#include "delegate/cpu/operators/quad_layout.h"
#include "delegate/graph/dims.h"

namespace ubp {
namespace {

size_t WordsOfImage(const TensorLayout& tensor) {
  const int64_t elements = ElementsOf(tensor.dims);
  return static_cast<size_t>(tensor.type.is_int8() ? (elements + kQuad - 1) / kQuad : elements);
}

}  // namespace

PlaneTensor PlanesOf(const TensorLayout& tensor) {
  return {tensor.geometry, tensor.dims[0], tensor.planes_per_image()};
}

StepBuilder::StepBuilder(const OperatorContext& context, std::vector<std::unique_ptr<Step>>* steps,
                         std::vector<Buffer>* buffers)
    : context_(context), steps_(*steps), buffers_(*buffers) {
  MakeBuffers();
}

void StepBuilder::MakeBuffers() {
  for (size_t t = 0; t < context_.layout.tensors.size(); ++t) {
    const TensorLayout& tensor = context_.layout.tensors[t];
    const bool internal = tensor.storage == Storage::kInternal;
    nhwc_.push_back(kNoBuffer);
    planes_.push_back(kNoBuffer);
    if (tensor.nhwc && !tensor.dims.empty()) {
      nhwc_.back() = static_cast<int>(buffers_.size());
      buffers_.push_back({WordsOfImage(tensor), internal ? -1 : static_cast<int>(t)});
    }
    if (tensor.planes) {
      planes_.back() = static_cast<int>(buffers_.size());
      const PlaneGeometry& g = tensor.geometry;
      const int images = tensor.row_buffers > 0 ? tensor.row_buffers : tensor.dims[0];
      uint32_t around = 0;
      const float word = Around(static_cast<int>(t));
      std::memcpy(&around, &word, sizeof(around));
      buffers_.push_back({g.floats(int64_t{images} * tensor.planes_per_image()),
                          -1,
                          {g.height, g.width, g.pitch, g.lead, g.plane_stride, around},
                          around});
    }
  }
  for (size_t t = 0; t < context_.layout.tensors.size(); ++t) {
    const TensorLayout& tensor = context_.layout.tensors[t];
    if (tensor.container < 0) continue;
    buffers_[planes_[t]].container = planes_[tensor.container];
    buffers_[planes_[t]].offset = tensor.first_plane * tensor.geometry.plane_stride;
  }
}

float StepBuilder::Around(int tensor) const {
  const TensorType& type = Tensor(tensor).type;
  if (!type.is_int8()) return 0.0f;
  return StoredElement(type.quantization.zero_point, int8());
}

std::vector<int> StepBuilder::BuffersOf(const PlannedOp& op) const {
  std::vector<int> tensors = op.Inputs();
  tensors.push_back(op.output);
  std::vector<int> buffers;
  for (const int t : tensors) {
    const bool is_vector = IsElementwise(*op.op) && Tensor(t).dims != Tensor(op.output).dims;
    buffers.push_back(op.channel_major && !is_vector ? planes_[t] : nhwc_[t]);
  }
  return buffers;
}

}  // namespace ubp
