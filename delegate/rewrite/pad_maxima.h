// SPDX-License-Identifier: Apache-2.0
// Max poolings whose padding may be zero, as it is in planes.
#ifndef UBP_DELEGATE_REWRITE_PAD_MAXIMA_H_
#define UBP_DELEGATE_REWRITE_PAD_MAXIMA_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// Lets float32 max poolings count what lies outside the image as zero, where no input is below zero:
// behind a ReLU, the maximum is the same.
void PadMaxima(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_PAD_MAXIMA_H_
