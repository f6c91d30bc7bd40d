// SPDX-License-Identifier: Apache-2.0
// The geometry of each channel-major tensor.
#ifndef UBP_DELEGATE_CPU_PLAN_CHOOSE_GEOMETRIES_H_
#define UBP_DELEGATE_CPU_PLAN_CHOOSE_GEOMETRIES_H_

#include "delegate/base/status.h"
#include "delegate/cpu/plan/layout.h"

namespace ubp {

// One geometry for each height and width, with halo and pitch enough for every op there. Layouts are
// chosen. Fails where a plane, or the phase planes of a depthwise convolution, would be too large.
Status ChooseGeometries(GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_CHOOSE_GEOMETRIES_H_
