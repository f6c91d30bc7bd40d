#include "delegate/graph/shapes.h"

#include <cstdint>
#include <string>

namespace ubp {
namespace {

std::string ToString(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

Status Unsuitable(const Dims& input, const std::string& expected) {
  return Status::Error("the input has shape " + ToString(input) + ", expected " + expected + ".");
}

Status InferConv2D(const LayerAttributes& attributes, const Dims& input, ConvShape* shape,
                   Dims* output) {
  if (input.size() != 4 || input[3] != attributes.in_channels) {
    return Unsuitable(input,
                      "[batch, height, width, " + std::to_string(attributes.in_channels) + "]");
  }
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, input[0], input[1], input[2], shape));
  *output = {shape->batch, shape->out_h, shape->out_w, shape->out_c};
  return Status::Ok();
}

Status InferFullyConnected(const LayerAttributes& attributes, const Dims& input, ConvShape* shape,
                           Dims* output) {
  int64_t elements = 1;
  for (const int dim : input) {
    elements *= dim;
    if (dim < 1 || elements >= int64_t{1} << 31)
      return Unsuitable(input, "fewer than 2^31 elements");
  }
  const std::string channels = std::to_string(attributes.in_channels);
  if (elements % attributes.in_channels != 0) {
    return Unsuitable(input, "a multiple of " + channels + " elements");
  }
  if (attributes.keep_num_dims && (input.empty() || input.back() != attributes.in_channels)) {
    return Unsuitable(input, "[..., " + channels + "]");
  }
  const int rows = static_cast<int>(elements / attributes.in_channels);
  UBP_RETURN_IF_ERROR(MakeConvShape(attributes, rows, 1, 1, shape));
  *output = attributes.keep_num_dims ? input : Dims{rows, 0};
  output->back() = attributes.out_channels;
  return Status::Ok();
}

}  // namespace

Status InferShape(const LayerAttributes& attributes, const Dims& input, ConvShape* shape,
                  Dims* output) {
  return attributes.kind == OpKind::kConv2D ? InferConv2D(attributes, input, shape, output)
                                            : InferFullyConnected(attributes, input, shape, output);
}

}  // namespace ubp
