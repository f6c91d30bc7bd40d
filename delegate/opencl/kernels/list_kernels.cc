// SPDX-License-Identifier: Apache-2.0
// Prints the variants of all kernels, one a line: file, options.
#include <cstdio>

#include "delegate/opencl/kernels/kernel_table.h"

int main() {
  using ubp::opencl::Precision;
  for (const Precision precision : {Precision::kFp32, Precision::kFp16Storage, Precision::kFp16}) {
    for (const ubp::opencl::KernelVariant& variant : ubp::opencl::ListVariants(precision)) {
      std::printf("%s\t%s\n", variant.family->file, variant.options.c_str());
    }
  }
  return 0;
}
