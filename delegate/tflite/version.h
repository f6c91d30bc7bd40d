// SPDX-License-Identifier: Apache-2.0
// The version of the delegate, the same as that of the Python package.
#ifndef UBP_DELEGATE_TFLITE_VERSION_H_
#define UBP_DELEGATE_TFLITE_VERSION_H_

#define UBP_VERSION "0.1.0"

#endif  // UBP_DELEGATE_TFLITE_VERSION_H_
