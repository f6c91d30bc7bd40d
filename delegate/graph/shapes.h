// The output dimensions of an op, from its attributes and the dimensions of its input.
#ifndef UBP_DELEGATE_GRAPH_SHAPES_H_
#define UBP_DELEGATE_GRAPH_SHAPES_H_

#include "delegate/common/status.h"
#include "delegate/cpu/conv_shape.h"
#include "delegate/format/attributes.h"
#include "delegate/graph/graph.h"

namespace ubp {

// A fully-connected layer becomes a convolution of [rows, 1, 1, in_channels]. Fails when `input`
// does not suit the layer.
Status InferShape(const LayerAttributes& attributes, const Dims& input, ConvShape* shape,
                  Dims* output);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_SHAPES_H_
