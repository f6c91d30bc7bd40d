// SPDX-License-Identifier: Apache-2.0
// Each variant of the kernels on a small case: for Oclgrind, which compiles fast and watches every access.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "delegate/opencl/kernels/kernel_table.h"
#include "tests/cpp/opencl/kernels/convolution_cases.h"
#include "tests/cpp/opencl/kernels/pixel_cases.h"

namespace ubp::opencl {
namespace {

const std::map<std::string, Elementwise> kFunctions = {{"SCALE", Elementwise::kScale},
                                                       {"LEAKY_RELU", Elementwise::kLeakyRelu},
                                                       {"ELU", Elementwise::kElu},
                                                       {"HARD_SWISH", Elementwise::kHardSwish},
                                                       {"LOGISTIC", Elementwise::kLogistic},
                                                       {"SWISH", Elementwise::kSwish},
                                                       {"MISH", Elementwise::kMish},
                                                       {"GELU", Elementwise::kGelu},
                                                       {"GELU_TANH", Elementwise::kGeluTanh},
                                                       {"TANH", Elementwise::kTanh},
                                                       {"EXP", Elementwise::kExp},
                                                       {"LOG", Elementwise::kLog},
                                                       {"SOFTPLUS", Elementwise::kSoftplus}};

// What the tests of every kernel, which run under Oclgrind as well, go through themselves.
const char* const kTestedElsewhere[] = {"elementwise", "mean", "softmax", "resize", "rearrange"};

std::string ValueOf(const KernelVariant& variant, const std::string& name) {
  for (const auto& [axis, value] : variant.choice) {
    if (name == axis) return value;
  }
  return "";
}

int NumberOf(const KernelVariant& variant, const std::string& name) {
  return std::atoi(ValueOf(variant, name).c_str());
}

Finish FinishOf(const KernelVariant& variant) {
  Finish finish;
  finish.residual = !ValueOf(variant, "RESIDUAL").empty();
  finish.channels = !ValueOf(variant, "FUNCTION_CHANNELS").empty();
  const std::string function = ValueOf(variant, "FUNCTION");
  if (!function.empty()) finish.function = kFunctions.at(function);
  // A logarithm has no digits near where it is none.
  if (function == "LOG") finish.range = {1.0f, 3.0f};
  return finish;
}

// Few pixels and channels: no whole tile, and a rest of each.
bool CheckVariant(const KernelVariant& variant) {
  const std::string file = variant.family->file;
  if (file == "sparse_convolution") {
    SparseCase c;
    c.finish = FinishOf(variant);
    c.block_size = NumberOf(variant, "N");
    c.pixels_per_item = NumberOf(variant, "V");
    c.tile = NumberOf(variant, "TILE");
    c.wide_addresses = NumberOf(variant, "WIDE_ADDRESSES") == 1;
    c.lanes_together = NumberOf(variant, "LANES");
    c.window.kernel = c.wide_addresses ? 3 : 1;  // some offsets are negative
    c.ranges = 2;
    c.out_channels = 2 * c.block_size + 3;
    CheckSparse(c, variant.precision);
  } else if (file == "dense_convolution") {
    DenseCase c;
    c.finish = FinishOf(variant);
    c.channels_per_item = NumberOf(variant, "M");
    c.pixels_per_item = NumberOf(variant, "V");
    c.tile = NumberOf(variant, "TILE");
    c.wide_addresses = NumberOf(variant, "WIDE_ADDRESSES") == 1;
    CheckDense(c, variant.precision);
  } else if (file == "fully_connected") {
    FullyConnectedCase c;
    c.finish = FinishOf(variant);
    c.channels_per_item = NumberOf(variant, "M");
    CheckFullyConnected(c, variant.precision);
  } else if (file == "depthwise") {
    WindowCase c;
    const int taps = NumberOf(variant, "TAPS");
    c.kernel_h = c.kernel_w = taps > 0 ? taps : 4;
    c.pixels_per_item = NumberOf(variant, "V");
    CheckDepthwise(c, variant.precision, FinishOf(variant));
  } else if (file == "pool") {
    const bool maximum = !ValueOf(variant, "MAXIMUM").empty();
    CheckPool({}, maximum ? PoolKind::kMax : PoolKind::kAverage, false, variant.precision, false,
              FinishOf(variant));
  } else {
    return false;
  }
  return true;
}

// Sums in half need an extension that neither PoCL nor Oclgrind has.
TEST(Kernels, EveryVariant) {
  for (const Precision precision : {Precision::kFp32, Precision::kFp16Storage}) {
    for (const KernelVariant& variant : ListVariants(precision)) {
      SCOPED_TRACE(std::string(variant.family->file) + " " + variant.options);
      bool elsewhere = false;
      for (const char* const file : kTestedElsewhere) {
        elsewhere = elsewhere || std::string(file) == variant.family->file;
      }
      EXPECT_NE(CheckVariant(variant), elsewhere) << "a kernel without a case";
    }
  }
}

TEST(Kernels, EveryFunctionInHalf) {
  for (const auto& function : kFunctions) CheckFunction(function.second, Precision::kFp16Storage);
}

}  // namespace
}  // namespace ubp::opencl
