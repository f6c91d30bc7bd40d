// SPDX-License-Identifier: Apache-2.0
// The quantization of a model's int8 tensors, read and checked.
#ifndef UBP_DELEGATE_TFLITE_MODEL_QUANTIZED_TENSORS_H_
#define UBP_DELEGATE_TFLITE_MODEL_QUANTIZED_TENSORS_H_

#include <string>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/quantization.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Of an int8 tensor with one scale and one zero point for all elements.
Status ReadQuantization(const TfLiteTensor& tensor, const std::string& what,
                        Quantization* quantization);

// The type of an activation: float32, or int8 as above.
Status ReadTensorType(const TfLiteTensor& tensor, const std::string& what, TensorType* type);

// The scale of each channel of constant int8 weights, which lie along dimension `axis`: the file has
// one for each, or one for all. Zero points are 0.
Status ReadWeightScales(const TfLiteTensor& tensor, const std::string& what, int channels, int axis,
                        std::vector<float>* scales);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_QUANTIZED_TENSORS_H_
