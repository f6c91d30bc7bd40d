// SPDX-License-Identifier: Apache-2.0
// Whether a layout is as kernels rely on: what runs in tests and debug builds after every pass.
#ifndef UBP_DELEGATE_CPU_PLAN_VERIFY_LAYOUT_H_
#define UBP_DELEGATE_CPU_PLAN_VERIFY_LAYOUT_H_

#include "delegate/base/status.h"
#include "delegate/cpu/plan/layout.h"

namespace ubp {

// Of a layout at any stage, as far as it is made:
//
//   - What VerifyShapedGraph checks; and of absorbed depthwise convolutions likewise.
//   - Tensors lie in the layouts that their ops run in.
//   - Pitches and halos hold what windows read in place, and rows as wide as are written; what runs
//     on several tensors at once finds them alike.
//   - Concatenated tensors lie side by side in their container.
//   - Strips find every row that they read where they look for it (VerifyStrips).
//
// Fails with a sentence that names the op.
Status VerifyLayout(const GraphLayout& layout);

// Runs the schedule of every band, counting rows instead of computing them: each row that an op
// reads is in its row buffer, or rows of zeros where it is outside the image; and all bands together
// write each row of the result once.
Status VerifyStrips(const GraphLayout& layout, const StripGroup& group);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_VERIFY_LAYOUT_H_
