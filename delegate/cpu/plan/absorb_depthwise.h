// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions that become part of pointwise ones.
#ifndef UBP_DELEGATE_CPU_PLAN_ABSORB_DEPTHWISE_H_
#define UBP_DELEGATE_CPU_PLAN_ABSORB_DEPTHWISE_H_

#include <cstdint>

#include "delegate/cpu/plan/layout.h"

namespace ubp {

// A depthwise convolution of stride 1 becomes part of the pointwise one that alone reads it, if the
// tensor between them has at least `least_elements`. Nothing has a layout yet.
void AbsorbDepthwise(int64_t least_elements, GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_ABSORB_DEPTHWISE_H_
