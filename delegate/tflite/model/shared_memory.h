// SPDX-License-Identifier: Apache-2.0
// Nodes that would read their input too late.
//
// The interpreter lets an operator such as SOFTMAX or SUB write over its input if nobody else reads that,
// and gives the output of a RESHAPE the memory of its input. In
//
//   x = SOFTMAX(h);  y = CONV_2D(x);  r = RESHAPE(x);  s = SUB(r, 1)
//
// h, x, r and s are in one memory: that of h, which only the SOFTMAX reads; that CONV_2D reads x, the
// interpreter does not see. The model is right in this order only. But a part of the delegate runs when all
// its inputs are there: a CONV_2D that is in one with a node behind the SUB would find x overwritten.
#ifndef UBP_DELEGATE_TFLITE_MODEL_SHARED_MEMORY_H_
#define UBP_DELEGATE_TFLITE_MODEL_SHARED_MEMORY_H_

#include <vector>

#include "delegate/tflite/model/partition.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Leaves such nodes, and what it takes for a node that is left to run in time, as far as no converted layer
// is among them. `nodes[i]` is what `decisions[i]` is about.
void LeaveWhatIsOverwritten(const std::vector<TfLiteNode*>& nodes,
                            std::vector<NodeDecision>* decisions);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_SHARED_MEMORY_H_
