// SPDX-License-Identifier: Apache-2.0
// The dimensions of tensors.
#ifndef UBP_DELEGATE_GRAPH_DIMS_H_
#define UBP_DELEGATE_GRAPH_DIMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "delegate/base/status.h"

namespace ubp {

using Dims = std::vector<int>;

// Of a tensor.
inline constexpr int64_t kMaxElements = (int64_t{1} << 31) - 1;

std::string ToString(const Dims& dims);

// "the input has shape [1, 2], expected ..."
Status UnsuitableInput(const Dims& input, const std::string& expected);
// That a tensor has more than kMaxElements.
Status TooLarge(const Dims& dims);
// Fails where a tensor has, or sizes are negative.
Status CheckElements(const Dims& dims);

// The elements of a tensor whose dimensions an op has been inferred or the interpreter has given.
int64_t ElementsOf(const Dims& dims);

// Of a concatenation; `axis` is negative from the last one on. Also holds for dimensions that are
// still open, -1, in a model file, if those turn out to be equal.
Status ConcatenationDims(const std::vector<Dims>& inputs, int axis, Dims* output);

// Whether `dims` are [batch or 1, 1, 1, channels] for the image [batch, height, width, channels], so
// that an elementwise op takes one number for all pixels of a channel. Likewise.
bool IsVectorFor(const Dims& dims, const Dims& image);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_DIMS_H_
