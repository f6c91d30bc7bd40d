// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/node_view.h"

#include <cstring>

#include "delegate/tflite/model/quantized_tensors.h"

namespace ubp {
namespace {

std::string TypeName(TfLiteType type) {
  switch (type) {
    case kTfLiteFloat32:
      return "float32";
    case kTfLiteFloat16:
      return "float16";
    case kTfLiteFloat64:
      return "float64";
    case kTfLiteInt4:
      return "int4";
    case kTfLiteInt8:
      return "int8";
    case kTfLiteUInt8:
      return "uint8";
    case kTfLiteInt16:
      return "int16";
    case kTfLiteInt32:
      return "int32";
    case kTfLiteInt64:
      return "int64";
    default:
      return "of type number " + std::to_string(static_cast<int>(type));
  }
}

// A constant of `type` that holds just `elements` elements of `element_size`
// bytes; a tensor in TFLite's own sparse encoding holds fewer.
Status CheckConstant(const TfLiteTensor* tensor, const std::string& what, TfLiteType type,
                     int64_t elements, size_t element_size) {
  if (tensor == nullptr) return Status::Error("the " + what + " is missing.");
  std::string found;
  if (tensor->type != type) {
    found = TypeName(tensor->type);
  } else if (!IsConstant(*tensor)) {
    found = "not constant";
  } else if (tensor->sparsity != nullptr) {
    found = "in TFLite's sparse encoding";
  } else if (tensor->bytes % element_size != 0 ||
             tensor->bytes / element_size != static_cast<uint64_t>(elements)) {
    found = std::to_string(tensor->bytes) + " bytes long";
  } else {
    return Status::Ok();
  }
  return Status::Error("the " + what + " must be a constant " + TypeName(type) + " tensor of " +
                       std::to_string(elements) + " elements; it is " + found + ".");
}

}  // namespace

bool IsConstant(const TfLiteTensor& tensor) {
  return tensor.allocation_type == kTfLiteMmapRo && tensor.data.raw != nullptr;
}

Dims FileDims(const TfLiteTensor& tensor) {
  const TfLiteIntArray* dims = tensor.dims;
  if (dims == nullptr) return {};
  const TfLiteIntArray* signature = tensor.dims_signature;
  if (signature != nullptr && signature->size == dims->size) dims = signature;
  return Dims(dims->data, dims->data + dims->size);
}

double Elements(const TfLiteTensor& tensor) {
  double elements = 1.0;
  const TfLiteIntArray* dims = tensor.dims;
  for (int i = 0; dims != nullptr && i < dims->size; ++i) elements *= std::max(1, dims->data[i]);
  return elements;
}

Status NodeView::ReadFloats(int input, const std::string& what, int64_t elements,
                            const float** data) const {
  const TfLiteTensor* tensor = Input(input);
  const bool is_decoded =
      decoded_ != nullptr && decoded_->Has(InputIndex(input)) && tensor->type == kTfLiteFloat32;
  // As many as the shape says, so that nothing is decoded which cannot be used.
  if (is_decoded && Elements(*tensor) == static_cast<double>(elements)) {
    const std::vector<float>* values = nullptr;
    const Status status = decoded_->Values(context_, InputIndex(input), &values);
    if (!status.ok()) return Status::Error("the " + what + " is damaged: " + status.message());
    if (values->size() == static_cast<uint64_t>(elements)) {
      *data = values->data();
      return Status::Ok();
    }
  }
  UBP_RETURN_IF_ERROR(CheckConstant(tensor, what, kTfLiteFloat32, elements, sizeof(float)));
  if (reinterpret_cast<uintptr_t>(tensor->data.raw) % alignof(float) != 0) {
    return Status::Error("the " + what + " is not aligned to 4 bytes in the file.");
  }
  *data = tensor->data.f;
  return Status::Ok();
}

Status NodeView::ReadBias(int input, int channels, const float** bias) const {
  *bias = nullptr;
  if (InputIndex(input) == kTfLiteOptionalTensor) return Status::Ok();
  return ReadFloats(input, "bias", channels, bias);
}

Status NodeView::ReadInt8(int input, const std::string& what, int64_t elements,
                          const int8_t** data) const {
  const TfLiteTensor* tensor = Input(input);
  UBP_RETURN_IF_ERROR(CheckConstant(tensor, what, kTfLiteInt8, elements, sizeof(int8_t)));
  *data = tensor->data.int8;
  return Status::Ok();
}

Status NodeView::ReadInt32Bias(int input, int channels, const int32_t** bias) const {
  *bias = nullptr;
  if (InputIndex(input) == kTfLiteOptionalTensor) return Status::Ok();
  const TfLiteTensor* tensor = Input(input);
  UBP_RETURN_IF_ERROR(CheckConstant(tensor, "bias", kTfLiteInt32, channels, sizeof(int32_t)));
  if (reinterpret_cast<uintptr_t>(tensor->data.raw) % alignof(int32_t) != 0) {
    return Status::Error("the bias is not aligned to 4 bytes in the file.");
  }
  *bias = tensor->data.i32;
  return Status::Ok();
}

Status NodeView::ReadInts(int input, const std::string& what, int elements,
                          std::vector<int32_t>* values) const {
  const TfLiteTensor* tensor = Input(input);
  UBP_RETURN_IF_ERROR(CheckConstant(tensor, what, kTfLiteInt32, elements, sizeof(int32_t)));
  values->resize(elements);
  std::memcpy(values->data(), tensor->data.raw, tensor->bytes);
  return Status::Ok();
}

Status CheckActivation(const TfLiteTensor* tensor, const std::string& what, ElementType elements) {
  if (tensor == nullptr) return Status::Error("the " + what + " is missing.");
  const TfLiteType type = elements == ElementType::kInt8 ? kTfLiteInt8 : kTfLiteFloat32;
  if (tensor->type != type) {
    return Status::Error("the " + what + " is " + TypeName(tensor->type) + ", not " +
                         TypeName(type) + ".");
  }
  if (tensor->allocation_type == kTfLiteMmapRo) {
    return Status::Error("the " + what + " is a constant.");
  }
  if (tensor->allocation_type == kTfLiteDynamic) {
    return Status::Error("the " + what + " has a dynamic shape.");
  }
  TensorType read;
  return ReadTensorType(*tensor, what, &read);
}

}  // namespace ubp
