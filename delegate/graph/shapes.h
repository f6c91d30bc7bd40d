// The output dimensions of an op, from its attributes and the dimensions of its inputs.
#ifndef UBP_DELEGATE_GRAPH_SHAPES_H_
#define UBP_DELEGATE_GRAPH_SHAPES_H_

#include <string>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/graph/graph.h"

namespace ubp {

std::string ToString(const Dims& dims);

// Of any op. `shape` is set for ops with a window (convolutions, pooling) and fully-connected
// layers, which become a convolution of [rows, 1, 1, in_channels]. `padded` are zeros around the
// input beside the op's own padding, which is then VALID. Fails when the inputs do not suit the op,
// where TensorFlow Lite's own op would fail or give something else; an output may be empty where
// its output is.
Status InferShape(const GraphOp& op, const std::vector<Dims>& inputs, const Pads& padded,
                  ConvShape* shape, Dims* output);

// The elements of a tensor whose dimensions an op has been inferred or the interpreter has given.
int64_t ElementsOf(const Dims& dims);

// Of a concatenation; `axis` is negative from the last one on. Also holds for dimensions that are
// still open, -1, in a model file, if those turn out to be equal.
Status ConcatenationDims(const std::vector<Dims>& inputs, int axis, Dims* output);

// Whether `dims` are [batch or 1, 1, 1, channels] for the image [batch, height, width, channels], so
// that an elementwise op takes one number for all pixels of a channel. Likewise.
bool IsVectorFor(const Dims& dims, const Dims& image);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_SHAPES_H_
