// SPDX-License-Identifier: Apache-2.0
// Means over the last two axes become what they are made of.
#ifndef UBP_DELEGATE_REWRITE_LOWER_MEANS_H_
#define UBP_DELEGATE_REWRITE_LOWER_MEANS_H_

#include "delegate/graph/graph.h"

namespace ubp {

// Each MEAN of [batch, channels, height, width] becomes a TRANSPOSE, a MEAN of what that gives, and a
// RESHAPE where it keeps its dimensions. A TRANSPOSE in front goes with it (cancel_transposes.h).
void LowerMeans(Graph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_LOWER_MEANS_H_
