#include "delegate/cpu/plan/step_builder.h"

namespace ubp {

PlaneTensor PlanesOf(const TensorLayout& tensor) {
  return {tensor.geometry, tensor.dims[0], tensor.dims[3]};
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
      buffers_.push_back(
          {static_cast<size_t>(ElementsOf(tensor.dims)), internal ? -1 : static_cast<int>(t)});
    }
    if (tensor.planes) {
      planes_.back() = static_cast<int>(buffers_.size());
      const PlaneGeometry& g = tensor.geometry;
      const int images = tensor.row_buffers > 0 ? tensor.row_buffers : tensor.dims[0];
      buffers_.push_back({g.floats(int64_t{images} * tensor.dims[3]),
                          -1,
                          {g.height, g.width, g.pitch, g.lead, g.plane_stride}});
    }
  }
  for (size_t t = 0; t < context_.layout.tensors.size(); ++t) {
    const TensorLayout& tensor = context_.layout.tensors[t];
    if (tensor.container < 0) continue;
    buffers_[planes_[t]].container = planes_[tensor.container];
    buffers_[planes_[t]].offset = tensor.first_plane * tensor.geometry.plane_stride;
  }
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
