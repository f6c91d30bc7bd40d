// The output dimensions of an op, from its attributes and the dimensions of its inputs.
#ifndef UBP_DELEGATE_GRAPH_SHAPES_H_
#define UBP_DELEGATE_GRAPH_SHAPES_H_

#include <string>
#include <vector>

#include "delegate/common/status.h"
#include "delegate/cpu/conv_shape.h"
#include "delegate/graph/graph.h"

namespace ubp {

std::string ToString(const Dims& dims);

// Of any op. `shape` is set for ops with a window (convolutions, pooling) and fully-connected
// layers, which become a convolution of [rows, 1, 1, in_channels]. `padded` are zeros around the
// input beside the op's own padding, which is then VALID. Fails when the inputs do not suit the op.
Status InferShape(const GraphOp& op, const std::vector<Dims>& inputs, const Pads& padded,
                  ConvShape* shape, Dims* output);

// The rules for several inputs. They also hold for dimensions that are still open, -1, in a model
// file, if those turn out to be equal.

// Of an elementwise op of two tensors.
Status BroadcastDims(const Dims& a, const Dims& b, Dims* output);
// Along the last axis.
Status ConcatenationDims(const std::vector<Dims>& inputs, Dims* output);

// Whether `dims` are [batch or 1, 1, 1, channels] for the image [batch, height, width, channels], so
// that an elementwise op takes one number for all pixels of a channel.
bool IsVectorFor(const Dims& dims, const Dims& image);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_SHAPES_H_
