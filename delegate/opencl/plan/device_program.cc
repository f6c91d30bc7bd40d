// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/device_program.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "delegate/opencl/plan/place_memory.h"

namespace ubp::opencl {
namespace {

// At least a cache line of any GPU.
constexpr size_t kAlignmentBytes = 128;

// Inputs that ops read.
std::vector<int> TensorsThatEnter(const ShapedGraph& graph) {
  std::vector<int> enter;
  for (const ShapedOp& op : graph.ops) {
    for (const int input : op.Inputs()) {
      if (graph.tensors[input].storage != Storage::kInput) continue;
      if (std::find(enter.begin(), enter.end(), input) == enter.end()) enter.push_back(input);
    }
  }
  return enter;
}

}  // namespace

Status DeviceProgram::Make(const ShapedGraph& graph, const DeviceOptions& options,
                           std::shared_ptr<Queue> queue, DeviceWeights* weights,
                           std::unique_ptr<Program>* program) {
  std::unique_ptr<DeviceProgram> made(new DeviceProgram(std::move(queue)));
  std::vector<TensorOnDevice> tensors;
  UBP_RETURN_IF_ERROR(PlaceTensors(graph, &tensors));
  std::vector<size_t> places;
  size_t arena = 0;
  const size_t element = ElementBytes(options.precision);
  UBP_RETURN_IF_ERROR(PlaceMemory(graph, tensors, kAlignmentBytes / element, &places, &arena));
  Queue& commands = *made->queue_;
  if (arena > 0) {
    UBP_RETURN_IF_ERROR(
        commands.context()->MakeBuffer(arena * element, BufferUse::kDevice, &made->arena_));
    UBP_RETURN_IF_ERROR(commands.Fill(made->arena_));
  }
  UBP_RETURN_IF_ERROR(made->MakeSteps(graph, tensors, places, options, weights));
  UBP_RETURN_IF_ERROR(commands.Finish());
  if (options.profile) made->DescribeSteps(graph);
  *program = std::move(made);
  return Status::Ok();
}

Status DeviceProgram::MakeSteps(const ShapedGraph& graph,
                                const std::vector<TensorOnDevice>& tensors,
                                const std::vector<size_t>& places, const DeviceOptions& options,
                                DeviceWeights* weights) {
  const Precision precision = options.precision;
  Tuner tuner(queue_.get(), queue_->context()->cache(), options.tune);
  LaunchBuilder builder(queue_.get(), precision, arena_, tensors, places, weights, &tuner);
  for (const int tensor : TensorsThatEnter(graph)) {
    UBP_RETURN_IF_ERROR(AddUpload(tensor, builder, precision));
  }
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const int op = static_cast<int>(i);
    UBP_RETURN_IF_ERROR(builder.Add(graph.ops[i]));
    for (Launch& launch : builder.TakeLaunches()) steps_.push_back({std::move(launch), op, -1});
    // At once, before another tensor is in its place.
    const int output = graph.ops[i].output;
    if (graph.tensors[output].storage == Storage::kOutput) {
      UBP_RETURN_IF_ERROR(AddDownload(op, output, builder, precision));
    }
  }
  held_ = builder.TakeHeld();
  bound_bytes_ = builder.bound_bytes();
  return Status::Ok();
}

Status DeviceProgram::MakeStaging(const DeviceTensor& tensor, BufferUse use, int number,
                                  std::vector<Staging>* stagings) {
  stagings->push_back({number, Buffer()});
  const size_t bytes = sizeof(float) * static_cast<size_t>(tensor.planes.elements());
  return queue_->context()->MakeBuffer(bytes, use, &stagings->back().buffer);
}

Status DeviceProgram::AddUpload(int tensor, const LaunchBuilder& builder, Precision precision) {
  const DeviceTensor on_device = builder.Tensor(tensor);
  if (on_device.planes.elements() == 0) return Status::Ok();
  UBP_RETURN_IF_ERROR(MakeStaging(on_device, BufferUse::kUpload, tensor, &uploads_));
  steps_.push_back({Launch(), -1, tensor});
  return MakeToPlanes(queue_->context(), precision, {&uploads_.back().buffer, on_device},
                      &steps_.back().launch);
}

Status DeviceProgram::AddDownload(int op, int tensor, const LaunchBuilder& builder,
                                  Precision precision) {
  const DeviceTensor on_device = builder.Tensor(tensor);
  UBP_RETURN_IF_ERROR(MakeStaging(on_device, BufferUse::kDownload, tensor, &downloads_));
  steps_.push_back({Launch(), op, tensor});
  return MakeToImage(queue_->context(), precision, {on_device, &downloads_.back().buffer},
                     &steps_.back().launch);
}

void DeviceProgram::DescribeSteps(const ShapedGraph& graph) {
  for (const DeviceStep& step : steps_) {
    StepProfile profile;
    profile.is_conversion = step.tensor >= 0;
    if (step.op >= 0) Describe(graph.ops[step.op], &profile);
    SortNames(&profile);
    profile_.push_back(std::move(profile));
  }
}

Status DeviceProgram::Run(const std::vector<void*>& tensors) {
  UBP_RETURN_IF_ERROR(queue_->context()->health());
  Status status = RunAll(tensors);
  if (status.ok()) return status;
  // Nothing of this run may be at work when the next one begins. What failed first is what is told.
  const Status finished = queue_->Finish();
  (void)finished;
  return status;
}

Status DeviceProgram::RunAll(const std::vector<void*>& tensors) {
  for (const Staging& staging : uploads_) {
    void* data = nullptr;
    UBP_RETURN_IF_ERROR(queue_->Map(staging.buffer, MapUse::kWrite, &data));
    std::memcpy(data, tensors[staging.tensor], staging.buffer.bytes());
    UBP_RETURN_IF_ERROR(queue_->Unmap(staging.buffer, data));
  }
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Launch& launch = steps_[i].launch;
    const int slot = profile_.empty() ? -1 : static_cast<int>(i);
    UBP_RETURN_IF_ERROR(queue_->Run(launch.kernel, launch.global, launch.local, slot));
  }
  for (const Staging& staging : downloads_) {
    void* data = nullptr;
    UBP_RETURN_IF_ERROR(queue_->Map(staging.buffer, MapUse::kRead, &data));
    std::memcpy(tensors[staging.tensor], data, staging.buffer.bytes());
    UBP_RETURN_IF_ERROR(queue_->Unmap(staging.buffer, data));
  }
  UBP_RETURN_IF_ERROR(queue_->Finish());
  if (profile_.empty()) return Status::Ok();
  const std::vector<int64_t> times = queue_->TakeSlotNs();
  for (size_t i = 0; i < times.size(); ++i) profile_[i].AddRun(times[i]);
  return Status::Ok();
}

size_t DeviceProgram::arena_bytes() const {
  size_t bytes = arena_.bytes();
  for (const Staging& staging : uploads_) bytes += staging.buffer.bytes();
  for (const Staging& staging : downloads_) bytes += staging.buffer.bytes();
  return bytes;
}

}  // namespace ubp::opencl
