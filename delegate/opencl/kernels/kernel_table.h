// SPDX-License-Identifier: Apache-2.0
// All kernels there are, and the options that each can be compiled with: what calls choose from, and
// what tests, benchmarks and the warm-up of programs go through.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_KERNEL_TABLE_H_
#define UBP_DELEGATE_OPENCL_KERNELS_KERNEL_TABLE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/runtime/kernel.h"

namespace ubp::opencl {

// A macro of a kernel's source and what it can be; the first is what most calls choose. "" is to leave it
// undefined.
struct KernelAxis {
  const char* name;
  std::vector<std::string> values;
  // Whether ListVariants() combines it with all others; else it is varied alone.
  bool crossed = false;
};

struct KernelFamily {
  const char* file;  // without its ending: "sparse_convolution"
  std::string_view source;
  std::vector<const char*> functions;
  std::vector<KernelAxis> axes;
  bool sums = false;         // adds up in half where the precision says so
  int max_accumulators = 0;  // the most that N * V or M * V may be; 0: it has none
};

const std::vector<KernelFamily>& KernelFamilies();

// What a call has chosen of the axes, by name; those that are not named are "".
using Choice = std::vector<std::pair<const char*, std::string>>;

struct KernelVariant {
  const KernelFamily* family = nullptr;
  Precision precision = Precision::kFp32;
  Choice choice;
  std::string options;  // of the compiler
};

// All combinations of the crossed axes, and each value of the others once.
std::vector<KernelVariant> ListVariants(Precision precision);

// The kernel `function` of a variant. Fails where the family has no such variant.
Status MakeVariant(Context* context, const char* function, Precision precision,
                   const Choice& choice, Kernel* kernel);

// "N=4 V=2", of what is not "".
std::string Describe(const Choice& choice);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_KERNEL_TABLE_H_
