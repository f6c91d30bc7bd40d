// SPDX-License-Identifier: Apache-2.0
// The processors that this machine offers the delegate, for `ubp devices`.
#ifndef UBP_DELEGATE_TFLITE_DEVICES_H_
#define UBP_DELEGATE_TFLITE_DEVICES_H_

#include <string>

namespace ubp {

// A JSON object:
//   version, kernel   the delegate's, and the CPU's kernels: "avx512"
//   library           of OpenCL, by the name it was found by; "" where there is none
//   error             why no GPU can be used, a sentence; "" where one can
//   devices           of OpenCL, in the order of the option gpu_device's numbers: what it says of
//                     itself, `quirks` in words, `unsuitable`, why it cannot be used ("" where it
//                     can), and `chosen`, whether backend=gpu takes it unasked
std::string DevicesJson();

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_DEVICES_H_
