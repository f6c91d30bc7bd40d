// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/steps.h"

#include <utility>

#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/plan/op_table.h"
#include "delegate/cpu/plan/planes_step.h"
#include "delegate/cpu/plan/step_builder.h"
#include "delegate/cpu/plan/strip_step.h"

namespace ubp {
namespace {

class StepMaker {
 public:
  StepMaker(const OperatorContext& context, std::vector<std::unique_ptr<Step>>* steps,
            std::vector<Buffer>* buffers)
      : layout_(context.layout), steps_(*steps), builder_(context, steps, buffers) {}

  Status Make() {
    for (size_t t = 0; t < layout_.tensors.size(); ++t) {
      if (layout_.tensors[t].storage == Storage::kInput) Convert(static_cast<int>(t), true);
    }
    MarkNewSteps({0, 0, true});
    auto strips = layout_.strips.begin();
    for (size_t i = 0; i < layout_.ops.size(); ++i) {
      const size_t first = i;
      if (strips != layout_.strips.end() && strips->first_op == i) {
        UBP_RETURN_IF_ERROR(AddStrips(*strips));
        i = strips->end_op - 1;
        ++strips;
      } else {
        const Status status = AddStepsOf(layout_.ops[i]);
        if (!status.ok()) return Status::Error(layout_.ops[i].op->label + ": " + status.message());
      }
      MarkNewSteps({first, i + 1, false});
      const int output = layout_.ops[i].output;
      Convert(output, !layout_.tensors[output].planes_first);
      MarkNewSteps({first, i + 1, true});
    }
    return Status::Ok();
  }

 private:
  Status AddStepsOf(const PlannedOp& op) { return CpuOpOf(*op.op).add_steps(op, &builder_); }

  // Where a tensor is needed in both layouts: from the one that was written to the other.
  void Convert(int t, bool from_image) {
    const int image = builder_.Nhwc(t);
    const int planes = builder_.Planes(t);
    if (image == StepBuilder::kNoBuffer || planes == StepBuilder::kNoBuffer) return;
    const PlaneTensor tensor = PlanesOf(layout_.tensors[t]);
    if (layout_.tensors[t].type.is_int8()) {
      AddInt8Conversion(t, from_image, &builder_);
    } else if (from_image) {
      builder_.Add<PlanesStep>(image, planes, tensor, &ImageToPlanes);
    } else {
      builder_.Add<PlanesStep>(planes, image, tensor, &PlanesToImage);
    }
  }

  void MarkNewSteps(const StepOrigin& origin) {
    for (; marked_ < steps_.size(); ++marked_) steps_[marked_]->set_origin(origin);
  }

  Status AddStrips(const StripGroup& group) {
    std::vector<int> buffers;
    for (const int t : group.tensors) {
      buffers.push_back(layout_.tensors[t].planes ? builder_.Planes(t) : builder_.Nhwc(t));
    }
    std::unique_ptr<Step> step;
    UBP_RETURN_IF_ERROR(MakeStripStep(group, builder_.context(), std::move(buffers), &step));
    builder_.Add(std::move(step));
    return Status::Ok();
  }

  const GraphLayout& layout_;
  std::vector<std::unique_ptr<Step>>& steps_;
  StepBuilder builder_;
  size_t marked_ = 0;  // steps whose origin is known
};

}  // namespace

Status MakeSteps(const OperatorContext& context, std::vector<std::unique_ptr<Step>>* steps,
                 std::vector<Buffer>* buffers) {
  return StepMaker(context, steps, buffers).Make();
}

}  // namespace ubp
