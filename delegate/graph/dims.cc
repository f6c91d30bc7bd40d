// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph/dims.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace ubp {

Status TooLarge(const Dims& dims) {
  return Status::Error("a tensor of shape " + ToString(dims) +
                       " is too large; tensors of fewer than 2^31 elements are supported.");
}

Status CheckElements(const Dims& dims) {
  int64_t elements = 1;
  for (const int dim : dims) {
    if (dim < 0) return UnsuitableInput(dims, "known sizes");
    if (dim == 0) return Status::Ok();
    if (elements > kMaxElements / dim) return TooLarge(dims);
    elements *= dim;
  }
  return Status::Ok();
}

Status UnsuitableInput(const Dims& input, const std::string& expected) {
  return Status::Error("the input has shape " + ToString(input) + ", expected " + expected + ".");
}

int64_t ElementsOf(const Dims& dims) {
  if (std::count(dims.begin(), dims.end(), 0) > 0) return 0;
  int64_t elements = 1;
  for (const int dim : dims) elements *= dim;
  return elements;
}

std::string ToString(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

bool IsVectorFor(const Dims& dims, const Dims& image) {
  return dims.size() == 4 && image.size() == 4 && (dims[0] == image[0] || dims[0] == 1) &&
         dims[1] == 1 && dims[2] == 1 && dims[3] == image[3];
}

Status ConcatenationDims(const std::vector<Dims>& inputs, int axis, Dims* output) {
  *output = inputs[0];
  const int rank = static_cast<int>(output->size());
  const int place = axis < 0 ? axis + rank : axis;
  if (place < 0 || place >= rank) {
    return Status::Error("CONCATENATION along axis " + std::to_string(axis) + " of " +
                         std::to_string(rank) + ".");
  }
  int64_t size = 0;
  for (const Dims& input : inputs) {
    Dims others = input;
    if (others.size() == output->size()) others[place] = (*output)[place];
    if (others != *output || input[place] < 0) {
      return Status::Error("inputs of shapes " + ToString(inputs[0]) + " and " + ToString(input) +
                           ", expected to differ in dimension " + std::to_string(place) + " only.");
    }
    size += input[place];
  }
  if (size > kMaxElements) return TooLarge(*output);
  (*output)[place] = static_cast<int>(size);
  return Status::Ok();
}

}  // namespace ubp
