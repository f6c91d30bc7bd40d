// SPDX-License-Identifier: Apache-2.0
// ADD that becomes the residual of a convolution.
#ifndef UBP_DELEGATE_REWRITE_ABSORB_ADDS_H_
#define UBP_DELEGATE_REWRITE_ABSORB_ADDS_H_

#include "delegate/graph/shaped_graph.h"

namespace ubp {

// ADD of two tensors of equal shape, one of which a convolution without an activation computes for
// it alone, becomes that convolution's residual, if the other tensor is there before.
void AbsorbAdds(ShapedGraph* graph);

}  // namespace ubp

#endif  // UBP_DELEGATE_REWRITE_ABSORB_ADDS_H_
