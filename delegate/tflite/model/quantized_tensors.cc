// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/quantized_tensors.h"

#include <algorithm>
#include <cmath>

namespace ubp {
namespace {

// Null where the tensor has none, or not as many zero points as scales.
const TfLiteAffineQuantization* AffineOf(const TfLiteTensor& tensor) {
  if (tensor.quantization.type != kTfLiteAffineQuantization) return nullptr;
  const auto* affine = static_cast<const TfLiteAffineQuantization*>(tensor.quantization.params);
  const bool whole = affine != nullptr && affine->scale != nullptr &&
                     affine->zero_point != nullptr && affine->scale->size > 0 &&
                     affine->scale->size == affine->zero_point->size;
  return whole ? affine : nullptr;
}

bool IsScale(float scale) { return std::isfinite(scale) && scale > 0.0f; }

Status NoQuantization(const std::string& what) {
  return Status::Error("the " + what + " is int8 without a scale and a zero point.");
}

}  // namespace

Status ReadQuantization(const TfLiteTensor& tensor, const std::string& what,
                        Quantization* quantization) {
  const TfLiteAffineQuantization* const affine = AffineOf(tensor);
  if (affine == nullptr) return NoQuantization(what);
  if (affine->scale->size != 1) {
    return Status::Error("the " + what + " has " + std::to_string(affine->scale->size) +
                         " scales, expected one for all its elements.");
  }
  *quantization = {affine->scale->data[0], affine->zero_point->data[0]};
  const bool fits = quantization->zero_point >= -128 && quantization->zero_point <= 127;
  if (IsScale(quantization->scale) && fits) return Status::Ok();
  return Status::Error("the " + what + " has the scale " + std::to_string(quantization->scale) +
                       " and the zero point " + std::to_string(quantization->zero_point) +
                       ", expected a positive number and -128 to 127.");
}

Status ReadTensorType(const TfLiteTensor& tensor, const std::string& what, TensorType* type) {
  *type = {};
  if (tensor.type != kTfLiteInt8) return Status::Ok();
  type->elements = ElementType::kInt8;
  return ReadQuantization(tensor, what, &type->quantization);
}

Status ReadWeightScales(const TfLiteTensor& tensor, const std::string& what, int channels, int axis,
                        std::vector<float>* scales) {
  const TfLiteAffineQuantization* const affine = AffineOf(tensor);
  if (affine == nullptr) return NoQuantization(what);
  const int count = affine->scale->size;
  if (count != 1 && (count != channels || affine->quantized_dimension != axis)) {
    return Status::Error("the " + what + " has " + std::to_string(count) +
                         " scales along dimension " + std::to_string(affine->quantized_dimension) +
                         ", expected one, or one for each of " + std::to_string(channels) +
                         " channels along dimension " + std::to_string(axis) + ".");
  }
  for (int i = 0; i < count; ++i) {
    if (IsScale(affine->scale->data[i]) && affine->zero_point->data[i] == 0) continue;
    return Status::Error("the " + what + " has the scale " +
                         std::to_string(affine->scale->data[i]) + " and the zero point " +
                         std::to_string(affine->zero_point->data[i]) +
                         ", expected a positive number and 0.");
  }
  scales->assign(channels, affine->scale->data[0]);
  if (count > 1) std::copy_n(affine->scale->data, channels, scales->begin());
  return Status::Ok();
}

}  // namespace ubp
