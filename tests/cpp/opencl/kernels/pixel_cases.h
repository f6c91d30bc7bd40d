// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions, pooling and functions on the device against plain loops in double precision.
#ifndef UBP_TESTS_CPP_OPENCL_KERNELS_PIXEL_CASES_H_
#define UBP_TESTS_CPP_OPENCL_KERNELS_PIXEL_CASES_H_

#include "tests/cpp/opencl/kernels/finish.h"
#include "tests/cpp/opencl/kernels/kernel_tester.h"

namespace ubp::opencl {

struct WindowCase {
  Shape input = {2, 7, 9, 5};
  int kernel_h = 3, kernel_w = 3;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;
  int pad_top = 1, pad_left = 1;
  int height = 7, width = 9;  // of the output
  int pixels_per_item = 0;
};

void CheckDepthwise(const WindowCase& c, Precision precision, const Finish& finish = {});

// What is around the image is NaN: it must not count. `extremes`: NaN and infinity inside, too.
void CheckPool(const WindowCase& c, PoolKind kind, bool zeros_count, Precision precision,
               bool extremes = false, const Finish& finish = {});

// Over numbers of all sizes.
void CheckFunction(Elementwise function, Precision precision);

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_KERNELS_PIXEL_CASES_H_
