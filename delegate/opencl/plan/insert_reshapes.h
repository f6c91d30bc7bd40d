// SPDX-License-Identifier: Apache-2.0
// Tensors are seen as images of at most four dimensions (tensors.h). Where an op sees one otherwise, it
// reads a copy.
#ifndef UBP_DELEGATE_OPENCL_PLAN_INSERT_RESHAPES_H_
#define UBP_DELEGATE_OPENCL_PLAN_INSERT_RESHAPES_H_

#include "delegate/base/status.h"
#include "delegate/graph/shaped_graph.h"

namespace ubp::opencl {

// Puts a RESHAPE
//
//   - in front of a fully-connected layer whose input is no matrix [rows, in_channels], and behind it
//     where its output is none,
//   - in front of an elementwise op whose operand has fewer dimensions than its output,
//   - around a concatenation along an axis that is none of the image.
//
// Fails where operands of more than four dimensions broadcast.
Status InsertReshapes(ShapedGraph* graph);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_INSERT_RESHAPES_H_
