// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/opencl_backend.h"

#include <string>
#include <utility>
#include <vector>

#include "delegate/opencl/costs.h"
#include "delegate/opencl/plan/device_program.h"
#include "delegate/opencl/plan/device_weights.h"
#include "delegate/opencl/plan/insert_reshapes.h"
#include "delegate/opencl/runtime/context.h"
#include "delegate/opencl/runtime/counters.h"
#include "delegate/opencl/runtime/device.h"

namespace ubp::opencl {
namespace {

// Programs are those of the process.
std::string Describe(const Counters& counters, const Transfers& transfers) {
  return std::to_string(counters.programs_built) + " programs compiled, " +
         std::to_string(counters.programs_from_cache) + " read from gpu_cache; " +
         std::to_string(transfers.writes) + " uploads of weights and offsets (" +
         std::to_string(transfers.written_bytes / 1024) + " KiB), " +
         std::to_string(transfers.uploads) + " input uploads, " +
         std::to_string(transfers.downloads) + " output downloads, " +
         std::to_string(transfers.kernels) + " kernels run";
}

// Programs of one graph run one at a time: they share a queue.
class OpenClPackedGraph : public DevicePackedGraph {
 public:
  OpenClPackedGraph(const Graph& graph, Context* context, const BackendOptions& options)
      : graph_(graph),
        context_(*context),
        options_(options),
        weights_(ShapeOf(context->device())) {}

  Status Compile(const CompileOptions& options, std::vector<Dims>* dims,
                 std::unique_ptr<Program>* program) override {
    UBP_RETURN_IF_ERROR(context_.health());
    if (queue_ == nullptr) {
      QueueOptions queue_options;
      queue_options.profile = options.profile;
      std::unique_ptr<Queue> queue;
      UBP_RETURN_IF_ERROR(Queue::Make(&context_, queue_options, &queue));
      queue_ = std::move(queue);
    }
    ShapedGraph shaped;
    UBP_RETURN_IF_ERROR(MakeShapedGraph(graph_, *dims, &shaped));
    for (size_t t = 0; t < dims->size(); ++t) (*dims)[t] = shaped.tensors[t].dims;
    UBP_RETURN_IF_ERROR(Rewrite(options_.rules, kVerifyPasses, &shaped));
    UBP_RETURN_IF_ERROR(InsertReshapes(&shaped));
    if (kVerifyPasses) UBP_RETURN_IF_ERROR(VerifyShapedGraph(shaped));
    const DeviceOptions device_options = {options_.precision, options.profile, options_.tune};
    return DeviceProgram::Make(shaped, device_options, queue_, &weights_, program);
  }

  size_t weight_bytes() const override { return weights_.bytes(); }
  int64_t packings() const override { return weights_.packings(); }
  const Transfers* transfers() const override {
    return queue_ != nullptr ? &queue_->transfers() : nullptr;
  }
  std::string activity() const override {
    return queue_ != nullptr ? Describe(context_.counters(), queue_->transfers()) : "";
  }
  // Those of the device's cache, whichever graph asks first.
  std::vector<std::string> TakeWarnings() override {
    return context_.cache() != nullptr ? context_.cache()->TakeWarnings()
                                       : std::vector<std::string>();
  }

 private:
  const Graph& graph_;
  Context& context_;
  const BackendOptions options_;
  std::shared_ptr<Queue> queue_;
  DeviceWeights weights_;
};

class OpenClBackend : public Backend {
 public:
  OpenClBackend(Context* context, const BackendOptions& options)
      : context_(context), options_(options), costs_(MakeOpenClCosts(*options.xnnpack)) {}

  const char* name() const override { return "opencl"; }
  Status Supports(const GraphOp& op) const override { return RunsOnDevices(op); }
  const CostModel& costs() const override { return *costs_; }

  std::unique_ptr<PackedGraph> Pack(const Graph& graph) const override {
    return std::make_unique<OpenClPackedGraph>(graph, context_, options_);
  }

 private:
  Context* const context_;
  const BackendOptions options_;
  const std::unique_ptr<CostModel> costs_;
};

}  // namespace

Status RunsOnDevices(const GraphOp& op) {
  if (op.is_int8()) return Status::Error("the op is int8, which no device runs.");
  if (op.If<LayerNormOp>()) return Status::Error("no device runs layer normalisation.");
  return Status::Ok();
}

Status MakeOpenClBackend(const BackendOptions& options, std::shared_ptr<const Backend>* backend,
                         CacheDirectory** cache) {
  Device device;
  UBP_RETURN_IF_ERROR(ChooseDevice(options.device, &device));
  if (options.precision == Precision::kFp16 && !device.has_half) {
    return Status::Error("the OpenCL device '" + device.name +
                         "' does not compute in half precision (it lacks cl_khr_fp16): use "
                         "precision=fp16_storage or fp32.");
  }
  ContextOptions context_options;
  context_options.cache_directory = options.cache_directory;
  Context* context = nullptr;
  UBP_RETURN_IF_ERROR(Context::Get(device, context_options, &context));
  if (cache != nullptr) *cache = context->cache();
  *backend = std::make_shared<OpenClBackend>(context, options);
  return Status::Ok();
}

}  // namespace ubp::opencl
