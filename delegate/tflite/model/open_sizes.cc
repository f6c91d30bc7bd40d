// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/open_sizes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "delegate/format/constants.h"
#include "delegate/graph/dims.h"

namespace ubp {
namespace {

constexpr int kPicture = constants::kOpenPicture;  // height and width of a picture
// Any other size but the batch, which is 1, and the channels.
constexpr int kLength = constants::kOpenLength;

// The sizes that the tensor has now: those that are open are 1, if the inputs were not resized.
Dims CurrentDims(const TfLiteTensor& tensor) {
  Dims dims;
  if (tensor.dims == nullptr) return dims;
  for (int i = 0; i < tensor.dims->size; ++i) dims.push_back(std::max(1, tensor.dims->data[i]));
  return dims;
}

bool IsOpen(const Dims& dims) {
  return std::any_of(dims.begin(), dims.end(), [](int size) { return size < 1; });
}

// Sizes of an input that are open, and were not set by resizing it.
Dims Assumed(const TfLiteTensor& tensor) {
  const Dims file = FileDims(tensor);
  Dims dims = CurrentDims(tensor);
  const size_t end = dims.size() > 2 ? dims.size() - 1 : dims.size();  // the rest are channels
  for (size_t i = 1; i < end; ++i) {
    if (file[i] < 1 && dims[i] == 1) dims[i] = dims.size() == 4 ? kPicture : kLength;
  }
  return dims;
}

}  // namespace

Dims OpenSizes::DimsOf(int tensor) const {
  if (tensor < 0 || static_cast<size_t>(tensor) >= context_.tensors_size) return {};
  const auto found = written_.find(tensor);
  return found != written_.end() ? found->second : Assumed(context_.tensors[tensor]);
}

void OpenSizes::Follow(const NodeView& node, const GraphOp* op,
                       const std::vector<int>& activations) {
  const TfLiteTensor* const output = node.Output();
  if (output == nullptr || !IsOpen(FileDims(*output))) return;
  Dims dims = op != nullptr ? Inferred(*op, activations) : Dims();
  if (dims.empty()) dims = Scaled(node, *output);
  for (int& size : dims) size = std::max(1, size);
  written_[node.OutputIndex()] = dims;
}

// Empty where the op does not run on such sizes.
Dims OpenSizes::Inferred(const GraphOp& op, const std::vector<int>& activations) const {
  std::vector<Dims> inputs;
  for (const int tensor : activations) inputs.push_back(DimsOf(tensor));
  ConvShape shape;
  Dims output;
  return InferShape(op, inputs, Pads(), &shape, &output).ok() ? output : Dims();
}

// A transposed convolution of stride 2, say, makes of 1 x 1 pixel 2 x 2.
Dims OpenSizes::Scaled(const NodeView& node, const TfLiteTensor& output) const {
  Dims dims = CurrentDims(output);
  for (int k = 0; k < node.num_inputs(); ++k) {
    const TfLiteTensor* const input = node.Input(k);
    if (input == nullptr || !IsOpen(FileDims(*input))) continue;
    const Dims before = CurrentDims(*input), now = DimsOf(node.InputIndex(k));
    // What follows from the operators may have another rank than a damaged file says.
    if (before.size() != dims.size() || now.size() != dims.size()) continue;
    for (size_t i = 0; i < dims.size(); ++i) {
      const int64_t size = int64_t{dims[i]} * now[i] / before[i];
      dims[i] = static_cast<int>(std::min<int64_t>(size, std::numeric_limits<int>::max()));
    }
    return dims;
  }
  return Assumed(output);
}

double PixelsOf(const Dims& dims) {
  double pixels = 1.0;
  for (size_t i = 0; i + 1 < dims.size(); ++i) pixels *= dims[i];
  return pixels;
}

}  // namespace ubp
