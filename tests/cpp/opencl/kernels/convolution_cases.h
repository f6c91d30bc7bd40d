// SPDX-License-Identifier: Apache-2.0
// Convolutions on the device against plain loops over blocks or lanes, in double precision.
#ifndef UBP_TESTS_CPP_OPENCL_KERNELS_CONVOLUTION_CASES_H_
#define UBP_TESTS_CPP_OPENCL_KERNELS_CONVOLUTION_CASES_H_

#include <ostream>
#include <vector>

#include "tests/cpp/opencl/kernels/finish.h"
#include "tests/cpp/opencl/kernels/kernel_tester.h"

namespace ubp::opencl {

// Of either convolution.
struct Window {
  int kernel = 1;
  int stride = 1;
  int dilation = 1;
};

struct SparseCase {
  Shape input = {1, 7, 7, 12};
  int out_channels = 20;
  Window window;
  Finish finish;
  int block_size = 4;
  double density = 0.2;  // of places for blocks
  int lanes_together = 1;
  int tile = 64;
  int pixels_per_item = 4;
  int ranges = 1;
  bool wide_addresses = false;
  bool extremes = false;  // NaN, infinity and huge values in the input
};
std::ostream& operator<<(std::ostream& os, const SparseCase& c);
// Also returns what came out, for comparison bit by bit.
std::vector<float> CheckSparse(const SparseCase& c, Precision precision);

struct DenseCase {
  Shape input = {1, 7, 7, 12};
  int out_channels = 20;
  Window window;
  Finish finish;
  int channels_per_item = 8;
  int tile = 64;
  int pixels_per_item = 4;
  bool wide_addresses = false;
  bool extremes = false;
};
std::ostream& operator<<(std::ostream& os, const DenseCase& c);
void CheckDense(const DenseCase& c, Precision precision);

struct FullyConnectedCase {
  int rows = 1;
  int in_channels = 100;
  int out_channels = 30;
  Finish finish;
  int channels_per_item = 8;
};
void CheckFullyConnected(const FullyConnectedCase& c, Precision precision);

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_KERNELS_CONVOLUTION_CASES_H_
