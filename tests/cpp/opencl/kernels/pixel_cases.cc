// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/opencl/kernels/pixel_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ubp::opencl {
namespace {

// Numbers near zero, of all sizes, and what is none.
std::vector<float> Arguments() {
  std::vector<float> values = {0.0f,    -0.0f, 1.0f,   -1.0f, 1e-8f,    -1e-8f,    1e-30f,
                               -1e-30f, 1e30f, -1e30f, NAN,   INFINITY, -INFINITY, 3e38f};
  for (float x = -100.0f; x <= 100.0f; x += 0.37f) values.push_back(x);
  for (float x = -3.0f; x <= 3.0f; x += 0.011f) values.push_back(x);
  return values;
}

}  // namespace

void CheckDepthwise(const WindowCase& c, Precision precision, const Finish& finish) {
  KernelTester tester(precision);
  HostTensor in = tester.Random(c.input, 8);
  const int channels = c.input.channels;
  HostTensor out({c.input.batch, c.height, c.width, channels}, 1, KernelTester::kUntouched);
  const int taps = c.kernel_h * c.kernel_w;
  const std::vector<float> weights = tester.RandomValues(size_t{1} * channels * taps);
  const std::vector<float> bias = tester.RandomValues(channels);
  const std::vector<float> slopes = tester.RandomValues(channels);
  DepthwiseCall call;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  call.epilogue = EpilogueOf(finish, slopes, &tester);
  call.weights = tester.Upload(weights);
  call.bias = tester.Upload(bias);
  call.kernel_h = c.kernel_h, call.kernel_w = c.kernel_w;
  call.stride_h = c.stride_h, call.stride_w = c.stride_w;
  call.dilation_h = c.dilation_h, call.dilation_w = c.dilation_w;
  call.pad_top = c.pad_top, call.pad_left = c.pad_left;
  call.pixels_per_item = c.pixels_per_item;
  EXPECT_TRUE(tester.Run(MakeDepthwise, call));
  tester.Check(call.output, out, [&](int b, int y, int x, int channel) {
    double sum = bias[channel];
    for (int tap = 0; tap < taps; ++tap) {
      sum += double{weights[channel * taps + tap]} *
             in.Padded(b, y * c.stride_h + tap / c.kernel_w * c.dilation_h - c.pad_top,
                       x * c.stride_w + tap % c.kernel_w * c.dilation_w - c.pad_left, channel);
    }
    return Finished(finish, sum, finish.channels ? slopes[channel] : kFunctionNumber);
  });
}

void CheckPool(const WindowCase& c, PoolKind kind, bool zeros_count, Precision precision,
               bool extremes, const Finish& finish) {
  SCOPED_TRACE(::testing::Message() << c.kernel_h << "x" << c.kernel_w << " zeros count "
                                    << zeros_count << (kind == PoolKind::kMax ? " maximum" : ""));
  KernelTester tester(precision);
  HostTensor in = tester.Random(c.input, 8, NAN);
  if (extremes) {
    in.At(0, 1, 1, 0) = NAN;
    in.At(0, 4, 4, 1) = INFINITY;
    for (int x = 0; x < c.input.width; ++x) {
      for (int y = 0; y < c.input.height; ++y) in.At(0, y, x, 2) = -INFINITY;
    }
  }
  const int channels = c.input.channels;
  HostTensor out({c.input.batch, c.height, c.width, channels}, 1, KernelTester::kUntouched);
  PoolCall call;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  call.kind = kind;
  call.zeros_count = zeros_count;
  const std::vector<float> slopes = tester.RandomValues(channels);
  call.epilogue = EpilogueOf(finish, slopes, &tester);
  call.kernel_h = c.kernel_h, call.kernel_w = c.kernel_w;
  call.stride_h = c.stride_h, call.stride_w = c.stride_w;
  call.pad_top = c.pad_top, call.pad_left = c.pad_left;
  EXPECT_TRUE(tester.Run(MakePool, call));
  tester.Check(call.output, out, [&](int b, int y, int x, int channel) {
    double sum = 0.0;
    double largest = std::numeric_limits<float>::lowest();
    int count = 0;
    for (int tap = 0; tap < c.kernel_h * c.kernel_w; ++tap) {
      const int in_y = y * c.stride_h + tap / c.kernel_w - c.pad_top;
      const int in_x = x * c.stride_w + tap % c.kernel_w - c.pad_left;
      const bool inside = in_y >= 0 && in_y < c.input.height && in_x >= 0 && in_x < c.input.width;
      if (!inside && !zeros_count) continue;
      const double value = inside ? in.At(b, in_y, in_x, channel) : 0.0;
      sum += value;
      if (value > largest) largest = value;
      ++count;
    }
    return Finished(finish, kind == PoolKind::kMax ? largest : sum / count,
                    finish.channels ? slopes[channel] : kFunctionNumber);
  });
}

void CheckFunction(Elementwise function, Precision precision) {
  SCOPED_TRACE(static_cast<int>(function));
  KernelTester tester(precision);
  const std::vector<float> values = Arguments();
  const Shape shape = {1, 1, static_cast<int>(values.size()), 1};
  HostTensor in(shape);
  for (size_t i = 0; i < values.size(); ++i) in.At(0, 0, static_cast<int>(i), 0) = values[i];
  HostTensor out(shape, 1, KernelTester::kUntouched);
  ElementwiseCall call;
  call.function = function;
  call.first = tester.Upload(&in);
  call.output = tester.Upload(&out);
  call.s = 0.5f;
  call.t = 0.25f;
  EXPECT_TRUE(tester.Run(MakeElementwise, call));
  tester.Download(call.output, &out);
  const double tolerance = precision == Precision::kFp32 ? 2e-6 : 1e-3;
  for (size_t i = 0; i < values.size(); ++i) {
    const double x = in.At(0, 0, static_cast<int>(i), 0);
    const double have = out.At(0, 0, static_cast<int>(i), 0);
    double want = FunctionOf(function, x, call.s, call.t);
    if (std::abs(want) > std::numeric_limits<float>::max()) want = std::copysign(INFINITY, want);
    if (precision != Precision::kFp32 && std::abs(want) > 65504.0) continue;
    if (std::isinf(x) && std::isnan(have)) continue;  // infinity times zero
    if (std::isnan(want) || std::isinf(want)) {
      EXPECT_TRUE(std::isnan(want) ? std::isnan(have) : have == want)
          << "of " << x << ": " << have << ", expected " << want;
    } else {
      EXPECT_NEAR(have, want, tolerance * std::max(1.0, std::abs(want))) << "of " << x;
    }
  }
}

}  // namespace ubp::opencl
