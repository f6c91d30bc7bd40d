// SPDX-License-Identifier: Apache-2.0
// What becomes of a sum, on the host in double precision and as an epilogue.
#ifndef UBP_TESTS_CPP_OPENCL_KERNELS_FINISH_H_
#define UBP_TESTS_CPP_OPENCL_KERNELS_FINISH_H_

#include <optional>
#include <vector>

#include "tests/cpp/opencl/kernels/kernel_tester.h"

namespace ubp::opencl {

inline constexpr float kFunctionNumber =
    0.75f;  // s of functions that have no number for each channel

struct Finish {
  bool residual = false;
  ActivationRange range = {-Epilogue::kNoLimit, Epilogue::kNoLimit};
  std::optional<Elementwise> function;
  bool channels = false;  // the function has a number for each channel
};

Epilogue EpilogueOf(const Finish& finish, const std::vector<float>& slopes, KernelTester* tester);

// What `finish` makes of a sum; NaN stays NaN.
double Finished(const Finish& finish, double sum, double s);
// A function of one tensor.
double FunctionOf(Elementwise function, double x, double s, double t);

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_KERNELS_FINISH_H_
