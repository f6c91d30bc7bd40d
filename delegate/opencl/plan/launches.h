// SPDX-License-Identifier: Apache-2.0
// From the ops of a graph to the kernels that run them on a device.
#ifndef UBP_DELEGATE_OPENCL_PLAN_LAUNCHES_H_
#define UBP_DELEGATE_OPENCL_PLAN_LAUNCHES_H_

#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/shaped_graph.h"
#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/kernels/launch.h"
#include "delegate/opencl/kernels/tiling.h"
#include "delegate/opencl/plan/constants.h"
#include "delegate/opencl/plan/device_weights.h"
#include "delegate/opencl/plan/tensors.h"
#include "delegate/opencl/plan/tuner.h"

namespace ubp::opencl {

// A kernel of a program.
struct DeviceStep {
  Launch launch;
  int op = -1;      // of the shaped graph, whose kernel or output it is; -1: a tensor enters
  int tensor = -1;  // that enters or leaves; -1: none does
};

// What the ops of one program share.
class LaunchBuilder {
 public:
  // All outlive the builder and what it makes, but for `tensors` and `places`: the first element of
  // each tensor that is no part of another in `arena`.
  LaunchBuilder(Queue* queue, Precision precision, const Buffer& arena,
                const std::vector<TensorOnDevice>& tensors, const std::vector<size_t>& places,
                DeviceWeights* weights, Tuner* tuner)
      : queue_(queue),
        precision_(precision),
        arena_(arena),
        tensors_(tensors),
        places_(places),
        weights_(*weights),
        tuner_(*tuner) {}

  // The launches of one op, in order.
  Status Add(const ShapedOp& op);
  std::vector<Launch> TakeLaunches() { return std::move(launches_); }
  // What binds layers to these shapes, and layers; both are to be kept.
  std::vector<std::shared_ptr<const void>> TakeHeld() { return std::move(held_); }
  size_t bound_bytes() const { return bound_bytes_; }

  DeviceTensor Tensor(int tensor) const { return {&arena_, PlanesOf(tensors_, tensor, places_)}; }

 private:
  // One for each kind of op.
  Status AddKind(const Conv2DOp& kind, const ShapedOp& op);
  Status AddKind(const FullyConnectedOp& kind, const ShapedOp& op);
  Status AddKind(const DepthwiseConv2DOp& kind, const ShapedOp& op);
  Status AddKind(const Pool2DOp& kind, const ShapedOp& op);
  Status AddKind(const MeanOp& kind, const ShapedOp& op);
  Status AddKind(const PadOp& kind, const ShapedOp& op);
  Status AddKind(const TransposeOp& kind, const ShapedOp& op);
  Status AddKind(const ReshapeOp& kind, const ShapedOp& op);
  Status AddKind(const ConcatenationOp& kind, const ShapedOp& op);
  Status AddKind(const SoftmaxOp& kind, const ShapedOp& op);
  Status AddKind(const LayerNormOp& kind, const ShapedOp& op);
  Status AddKind(const ArithmeticOp& kind, const ShapedOp& op);
  Status AddKind(const ClampOp& kind, const ShapedOp& op);
  Status AddKind(const FunctionOp& kind, const ShapedOp& op);
  Status AddKind(const ResizeOp& kind, const ShapedOp& op);
  Status AddKind(const DepthToSpaceOp& kind, const ShapedOp& op);
  Status AddKind(const SpaceToDepthOp& kind, const ShapedOp& op);
  Status AddKind(const TransposeConv2DOp& kind, const ShapedOp& op);
  Status AddKind(const RequantizeOp& kind, const ShapedOp& op);

  // layer_launches.cc
  Status AddSparse(const ShapedOp& op);
  Status AddDense(const ShapedOp& op);
  Status AddElementwise(const ShapedOp& op);
  // With the best tiling, which is not set yet.
  Status AddTuned(const ShapedOp& op, const SparseLayer& layer, SparseConvolutionCall call);
  Status AddTuned(const ShapedOp& op, DenseConvolutionCall call);
  CacheKey KeyOf(const char* kernel, const ConvShape& shape, int64_t lanes) const;
  // What becomes of a sum of a layer with weights or a window.
  Status EpilogueOf(const ShapedOp& op, Epilogue* epilogue);

  // Uploads constants of this program alone, if they are not there, and holds them.
  Status Bind(Constants constants, std::shared_ptr<const Constants>* bound);
  template <class Layer>
  void Hold(const std::shared_ptr<Layer>& layer) {
    held_.push_back(layer);
  }
  // Calls one of the Make functions of calls.h.
  template <class Call>
  Status Make(Status (*make)(Context*, Precision, const Call&, Launch*), const Call& call) {
    launches_.emplace_back();
    return make(queue_->context(), precision_, call, &launches_.back());
  }
  DeviceShape Shape() const;

  Queue* const queue_;
  const Precision precision_;
  const Buffer& arena_;
  const std::vector<TensorOnDevice>& tensors_;
  const std::vector<size_t>& places_;
  DeviceWeights& weights_;
  Tuner& tuner_;
  std::vector<Launch> launches_;
  std::vector<std::shared_ptr<const void>> held_;
  size_t bound_bytes_ = 0;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_LAUNCHES_H_
