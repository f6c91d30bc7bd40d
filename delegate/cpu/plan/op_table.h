// SPDX-License-Identifier: Apache-2.0
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
  // Null where there is no such op in int8, or it is lowered before it is planned.
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
Status AddLayerNorm(const PlannedOp& op, StepBuilder* builder);
Status AddResize(const PlannedOp& op, StepBuilder* builder);
Status AddDepthToSpace(const PlannedOp& op, StepBuilder* builder);
Status AddSpaceToDepth(const PlannedOp& op, StepBuilder* builder);
Status AddTranspose(const PlannedOp& op, StepBuilder* builder);

// int8_steps.cc
// From an image to planes, or back.
void AddInt8Conversion(int tensor, bool from_image, StepBuilder* builder);
Status AddInt8Convolution(const PlannedOp& op, StepBuilder* builder);
Status AddInt8Depthwise(const PlannedOp& op, StepBuilder* builder);
Status AddInt8Pool(const PlannedOp& op, StepBuilder* builder);
Status AddInt8Mean(const PlannedOp& op, StepBuilder* builder);
Status AddInt8Resize(const PlannedOp& op, StepBuilder* builder);
Status AddInt8Softmax(const PlannedOp& op, StepBuilder* builder);

// int8_elementwise_steps.cc
Status AddInt8Arithmetic(const PlannedOp& op, StepBuilder* builder);
// Of one tensor.
Status AddInt8Table(const PlannedOp& op, StepBuilder* builder);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_OP_TABLE_H_
