// SPDX-License-Identifier: Apache-2.0
// A graph ready to run on a device for given input shapes: kernels with their arguments, in order, on one
// arena.
#ifndef UBP_DELEGATE_OPENCL_PLAN_DEVICE_PROGRAM_H_
#define UBP_DELEGATE_OPENCL_PLAN_DEVICE_PROGRAM_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "delegate/backend/backend.h"
#include "delegate/graph/shaped_graph.h"
#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/plan/device_weights.h"
#include "delegate/opencl/plan/launches.h"
#include "delegate/opencl/runtime/queue.h"

namespace ubp::opencl {

struct DeviceOptions {
  Precision precision = Precision::kFp32;
  bool profile = false;
  bool tune = false;  // measures how to divide work where the context's cache does not know
};

// One run brings every input to the device once and every output back once; all that is between stays
// there.
class DeviceProgram : public Program {
 public:
  // `graph` is rewritten (rewrite.h, insert_reshapes.h). `weights` go with its ops.
  static Status Make(const ShapedGraph& graph, const DeviceOptions& options,
                     std::shared_ptr<Queue> queue, DeviceWeights* weights,
                     std::unique_ptr<Program>* program);

  Status Run(const std::vector<void*>& tensors) override;
  std::string name() const override { return queue_->context()->device().name; }
  size_t arena_bytes() const override;
  size_t prepared_bytes() const override { return bound_bytes_; }
  const std::vector<StepProfile>& profile() const override { return profile_; }

 private:
  // A tensor of the interpreter's on its way to the device, or back.
  struct Staging {
    int tensor;
    Buffer buffer;
  };

  DeviceProgram(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}

  Status MakeSteps(const ShapedGraph& graph, const std::vector<TensorOnDevice>& tensors,
                   const std::vector<size_t>& places, const DeviceOptions& options,
                   DeviceWeights* weights);
  Status AddUpload(int tensor, const LaunchBuilder& builder, Precision precision);
  // Of what `op` has computed.
  Status AddDownload(int op, int tensor, const LaunchBuilder& builder, Precision precision);
  Status MakeStaging(const DeviceTensor& tensor, BufferUse use, int number,
                     std::vector<Staging>* stagings);
  void DescribeSteps(const ShapedGraph& graph);

  Status RunAll(const std::vector<void*>& tensors);

  const std::shared_ptr<Queue> queue_;
  Buffer arena_;
  std::vector<Staging> uploads_;
  std::vector<Staging> downloads_;
  std::vector<DeviceStep> steps_;
  std::vector<std::shared_ptr<const void>> held_;  // what steps read
  size_t bound_bytes_ = 0;
  std::vector<StepProfile> profile_;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_DEVICE_PROGRAM_H_
