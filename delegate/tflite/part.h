// SPDX-License-Identifier: Apache-2.0
// One part of a model that the delegate runs, as the single node that replaces the part's nodes.
#ifndef UBP_DELEGATE_TFLITE_PART_H_
#define UBP_DELEGATE_TFLITE_PART_H_

#include <string>

#include "tensorflow/lite/core/c/common.h"

namespace ubp {

TfLiteRegistration PartRegistration();

// Hands an error to the interpreter, which prints it or raises it, with words of its own right after
// it; returns kTfLiteError.
TfLiteStatus Fail(TfLiteContext* context, const std::string& message);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_PART_H_
