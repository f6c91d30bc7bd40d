// SPDX-License-Identifier: Apache-2.0
// The names of TFLite's builtin operators.
#ifndef UBP_DELEGATE_TFLITE_MODEL_OPERATOR_NAMES_H_
#define UBP_DELEGATE_TFLITE_MODEL_OPERATOR_NAMES_H_

#include <string>

namespace ubp {

// As in TFLite's schema, such as "CONV_2D"; `code` is a TfLiteBuiltinOperator. Of an operator that
// is newer than the table, the number.
std::string OperatorName(int code);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_OPERATOR_NAMES_H_
