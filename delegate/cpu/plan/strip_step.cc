// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/strip_step.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/plan/make_operators.h"

namespace ubp {
namespace {

class StripStep : public Step {
 public:
  StripStep(const GraphLayout& layout, const StripGroup& group, int threads,
            std::vector<int> buffers, std::vector<std::unique_ptr<RowOperator>> operators)
      : Step(std::move(buffers)),
        ops_(group.strips.ops),
        operators_(std::move(operators)),
        bands_(group.bands),
        threads_(threads) {
    for (const int t : group.tensors) {
      const TensorLayout& tensor = layout.tensors[t];
      const Dims& dims = tensor.dims;
      const int64_t plane =
          tensor.planes ? tensor.geometry.plane_stride : int64_t{dims[1]} * dims[2];
      tensors_.push_back({tensor.geometry, dims[3], tensor.row_buffers > 0, plane * dims[3]});
      batch_ = dims[0];
    }
    for (const auto& op : operators_) {
      const size_t line = kCacheLineBytes / sizeof(float);
      scratch_floats_ = std::max(scratch_floats_, RoundUp(op->row_scratch_floats(), line));
    }
  }

  size_t scratch_floats() const override { return scratch_floats_ * threads_; }
  size_t prepared_bytes() const override {
    size_t bytes = 0;
    for (const auto& op : operators_) bytes += op->prepared_bytes();
    return bytes;
  }

  void Run(const std::vector<float*>& memory, float* scratch, ThreadPool* pool) const override {
    const int bands = static_cast<int>(bands_.size());
    pool->Run(bands * batch_, [&](int job, int thread) {
      RunBand(bands_[job % bands], Place{&memory, job / bands, thread},
              scratch + thread * scratch_floats_);
    });
  }

 private:
  struct Tensor {
    PlaneGeometry geometry;
    int channels;
    bool in_row_buffer;
    int64_t image_floats;  // of one image or row buffer
  };

  // Where a band finds its tensors.
  struct Place {
    const std::vector<float*>* memory;
    int image;
    int thread;
  };

  float* DataOf(const Place& place, int tensor) const {
    const int64_t number = tensors_[tensor].in_row_buffer ? place.thread : place.image;
    return At(*place.memory, tensor) + number * tensors_[tensor].image_floats;
  }

  void RunBand(const std::vector<StripAction>& actions, const Place& place, float* scratch) const {
    for (const StripAction& action : actions) {
      switch (action.kind) {
        case StripActionKind::kRun:
          RunOp(action, place, scratch);
          break;
        case StripActionKind::kZero:
          Zero(action, tensors_[action.index], DataOf(place, action.index));
          break;
        case StripActionKind::kMove:
          Move(action, tensors_[action.index], DataOf(place, action.index));
          break;
      }
    }
  }

  void RunOp(const StripAction& action, const Place& place, float* scratch) const {
    const StripOp& op = ops_[action.index];
    RowBuffers buffers;
    buffers.input = {DataOf(place, op.input), action.input_row};
    if (op.second >= 0) buffers.residual = {DataOf(place, op.second), action.second_row};
    buffers.output = {DataOf(place, op.output), action.output_row};
    buffers.scratch = scratch;
    operators_[action.index]->RunRows(buffers, action.begin, action.end);
  }

  // From the first pixel of an action's rows to the last. What lies behind it is zero already; behind
  // the last row of a row buffer it is the next one's, which another thread reads.
  static int64_t FlatPixels(const StripAction& action, const PlaneGeometry& geometry) {
    return int64_t{action.end - action.begin - 1} * geometry.pitch + geometry.width;
  }

  static void Zero(const StripAction& action, const Tensor& tensor, float* data) {
    const PlaneGeometry& geometry = tensor.geometry;
    float* row = data + geometry.lead + int64_t{action.begin - action.output_row} * geometry.pitch;
    for (int c = 0; c < tensor.channels; ++c, row += geometry.plane_stride) {
      std::fill_n(row, FlatPixels(action, geometry), 0.0f);
    }
  }

  static void Move(const StripAction& action, const Tensor& tensor, float* data) {
    const PlaneGeometry& geometry = tensor.geometry;
    const int64_t distance = int64_t{action.begin - action.output_row} * geometry.pitch;
    const size_t bytes = sizeof(float) * FlatPixels(action, geometry);
    float* row = data + geometry.lead;
    for (int c = 0; c < tensor.channels; ++c, row += geometry.plane_stride) {
      std::memmove(row, row + distance, bytes);
    }
  }

  std::vector<StripOp> ops_;
  std::vector<std::unique_ptr<RowOperator>> operators_;
  std::vector<std::vector<StripAction>> bands_;
  int threads_;
  int batch_ = 1;
  std::vector<Tensor> tensors_;
  size_t scratch_floats_ = 0;  // of each thread
};

// The most rows that each op computes at a time.
std::vector<int> MostRows(const StripGroup& group) {
  std::vector<int> rows(group.strips.ops.size(), 1);
  for (const std::vector<StripAction>& actions : group.bands) {
    for (const StripAction& action : actions) {
      if (action.kind != StripActionKind::kRun) continue;
      rows[action.index] = std::max(rows[action.index], action.end - action.begin);
    }
  }
  return rows;
}

}  // namespace

Status MakeStripStep(const StripGroup& group, const OperatorContext& context,
                     std::vector<int> buffers, std::unique_ptr<Step>* step) {
  const GraphLayout& layout = context.layout;
  const std::vector<int> rows = MostRows(group);
  std::vector<std::unique_ptr<RowOperator>> operators(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const PlannedOp& op = layout.ops[group.first_op + i];
    const Status status = MakeRowOperator(op, context, rows[i], &operators[i]);
    if (!status.ok()) return Status::Error(op.op->label + ": " + status.message());
  }
  *step = std::make_unique<StripStep>(layout, group, context.threads, std::move(buffers),
                                      std::move(operators));
  return Status::Ok();
}

}  // namespace ubp
