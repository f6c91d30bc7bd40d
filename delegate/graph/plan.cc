#include "delegate/graph/plan.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "delegate/graph/memory.h"
#include "delegate/graph/shapes.h"

namespace ubp {
namespace {

Status PrepareOp(const GraphOp& op, const PlanOptions& options, std::vector<Dims>* dims,
                 std::unique_ptr<Convolution>* convolution) {
  ConvShape shape;
  UBP_RETURN_IF_ERROR(
      InferShape(op.layer.attributes(), (*dims)[op.input], &shape, &(*dims)[op.output]));
  if (options.family != nullptr) {
    return MakeWrosConvolution(op.layer, shape, *options.family, options.threads, convolution);
  }
  *convolution = MakeReferenceConvolution(op.layer, shape);
  return Status::Ok();
}

size_t Elements(const Dims& dims) {
  size_t elements = 1;
  for (const int dim : dims) elements *= dim;
  return elements;
}

}  // namespace

Status Plan::Make(const Graph& graph, const PlanOptions& options, std::vector<Dims>* dims,
                  std::unique_ptr<Plan>* plan) {
  auto made = std::make_unique<Plan>();
  for (const GraphOp& op : graph.ops) {
    Step step{nullptr, op.input, op.output, 0};
    const Status status = PrepareOp(op, options, dims, &step.convolution);
    if (!status.ok()) return Status::Error(op.label + ": " + status.message());
    made->steps_.push_back(std::move(step));
  }
  made->PlaceBuffers(graph, *dims);
  *plan = std::move(made);
  return Status::Ok();
}

void Plan::PlaceBuffers(const Graph& graph, const std::vector<Dims>& dims) {
  std::vector<BufferRequest> requests;
  for (size_t s = 0; s < steps_.size(); ++s) {
    const int step = static_cast<int>(s);
    requests.push_back({steps_[s].convolution->scratch_floats(), step, step});
  }
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (graph.tensors[t].storage != Storage::kInternal) continue;
    const int tensor = static_cast<int>(t);
    BufferRequest request{Elements(dims[t]), static_cast<int>(steps_.size()), 0};
    for (size_t s = 0; s < steps_.size(); ++s) {
      if (steps_[s].output != tensor && steps_[s].input != tensor) continue;
      request.first = std::min(request.first, static_cast<int>(s));
      request.last = std::max(request.last, static_cast<int>(s));
    }
    requests.push_back(request);
    internals_.push_back({tensor, 0});
  }
  const ArenaLayout layout = PlanMemory(requests);
  for (size_t s = 0; s < steps_.size(); ++s) steps_[s].scratch = layout.offsets[s];
  for (size_t i = 0; i < internals_.size(); ++i)
    internals_[i].offset = layout.offsets[steps_.size() + i];
  arena_ = AlignedBuffer(layout.floats);
}

void Plan::Run(std::vector<float*>* tensors, ThreadPool* pool) const {
  for (const Internal& internal : internals_)
    (*tensors)[internal.tensor] = arena_.data() + internal.offset;
  for (const Step& step : steps_) {
    step.convolution->Run((*tensors)[step.input], (*tensors)[step.output],
                          arena_.data() + step.scratch, pool);
  }
}

size_t Plan::weight_bytes() const {
  size_t bytes = 0;
  for (const Step& step : steps_) bytes += step.convolution->weight_bytes();
  return bytes;
}

}  // namespace ubp
