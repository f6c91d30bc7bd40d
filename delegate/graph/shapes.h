// The output dimensions of an op, from its attributes and the dimensions of its input.
#ifndef UBP_DELEGATE_GRAPH_SHAPES_H_
#define UBP_DELEGATE_GRAPH_SHAPES_H_

#include "delegate/common/status.h"
#include "delegate/cpu/conv_shape.h"
#include "delegate/graph/graph.h"

namespace ubp {

// Of any op. `shape` is set for ops with a window (convolutions, pooling) and fully-connected
// layers, which become a convolution of [rows, 1, 1, in_channels]. `padded` are zeros around the
// input beside the op's own padding, which is then VALID. Fails when `input` does not suit the op.
Status InferShape(const GraphOp& op, const Dims& input, const Pads& padded, ConvShape* shape,
                  Dims* output);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_SHAPES_H_
