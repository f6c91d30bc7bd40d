// How the CPU runs each kind of op: in which layouts, and by which steps.
#ifndef UBP_DELEGATE_CPU_PLAN_OP_TABLE_H_
#define UBP_DELEGATE_CPU_PLAN_OP_TABLE_H_

#include "delegate/backend/cost_graph.h"
#include "delegate/base/status.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/step_builder.h"

namespace ubp {

struct CpuOp {
  // kFollows: elementwise ops run on planes as well where one operand is a vector.
  Layouts layouts;
  Status (*add_steps)(const PlannedOp& op, StepBuilder* builder);
};

CpuOp CpuOpOf(const GraphOp& op);

// convolution_steps.cc
Status AddConvolution(const PlannedOp& op, StepBuilder* builder);
Status AddWindow(const PlannedOp& op, StepBuilder* builder);  // depthwise convolutions and pooling

// elementwise_steps.cc
Status AddElementwise(const PlannedOp& op, StepBuilder* builder);

// shaping_steps.cc: what reduces, or only moves elements
Status AddPad(const PlannedOp& op, StepBuilder* builder);
Status AddMean(const PlannedOp& op, StepBuilder* builder);
Status AddReshape(const PlannedOp& op, StepBuilder* builder);
Status AddConcatenation(const PlannedOp& op, StepBuilder* builder);
Status AddSoftmax(const PlannedOp& op, StepBuilder* builder);
Status AddResize(const PlannedOp& op, StepBuilder* builder);
Status AddDepthToSpace(const PlannedOp& op, StepBuilder* builder);
Status AddSpaceToDepth(const PlannedOp& op, StepBuilder* builder);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_OP_TABLE_H_
