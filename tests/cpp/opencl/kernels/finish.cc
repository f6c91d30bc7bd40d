// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/opencl/kernels/finish.h"

#include <algorithm>
#include <cmath>

namespace ubp::opencl {

Epilogue EpilogueOf(const Finish& finish, const std::vector<float>& slopes, KernelTester* tester) {
  Epilogue epilogue;
  epilogue.range = finish.range;
  epilogue.function = finish.function;
  epilogue.s = kFunctionNumber;
  if (finish.channels) epilogue.channels = tester->Upload(slopes);
  return epilogue;
}

double FunctionOf(Elementwise function, double x, double s, double t) {
  switch (function) {
    case Elementwise::kScale:
      return x * s + t;
    case Elementwise::kLeakyRelu:
      return x < 0.0 ? x * s : x;
    case Elementwise::kElu:
      return x < 0.0 ? std::expm1(x) : x;
    case Elementwise::kHardSwish:
      return x * (std::isnan(x) ? x : std::min(6.0, std::max(0.0, x + 3.0))) / 6.0;
    case Elementwise::kLogistic:
      return 1.0 / (1.0 + std::exp(-x));
    case Elementwise::kSwish:
      return x / (1.0 + std::exp(-x));
    case Elementwise::kMish:
      return x * std::tanh(x > 40.0 ? x : std::log1p(std::exp(x)));
    case Elementwise::kGelu:
      return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
    case Elementwise::kGeluTanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case Elementwise::kTanh:
      return std::tanh(x);
    case Elementwise::kExp:
      return std::exp((x + t) * s);
    case Elementwise::kLog:
      return std::log(x);
    case Elementwise::kSoftplus:
      return x > 40.0 ? std::min(x, 88.7228394) : std::log1p(std::exp(x));
    default:
      ADD_FAILURE() << "not a function of one tensor";
      return x;
  }
}

double Finished(const Finish& finish, double sum, double s) {
  if (sum < finish.range.min) sum = finish.range.min;
  if (sum > finish.range.max) sum = finish.range.max;
  return finish.function ? FunctionOf(*finish.function, sum, s, 0.0) : sum;
}

}  // namespace ubp::opencl
