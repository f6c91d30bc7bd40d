// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions, pooling, means, softmax and elementwise kernels over their edge axes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/cpp/opencl/kernels/kernel_tester.h"
#include "tests/cpp/opencl/kernels/pixel_cases.h"

namespace ubp::opencl {
namespace {

constexpr ActivationRange kRelu6 = {0.0f, 6.0f};

const WindowCase kWindows[] = {
    {},
    {{1, 8, 8, 3}, 3, 3, 2, 2, 1, 1, 0, 0, 4, 4},
    {{1, 9, 7, 4}, 5, 5, 1, 1, 1, 1, 2, 2, 9, 7},
    {{1, 9, 7, 4}, 5, 5, 2, 2, 1, 1, 2, 2, 5, 4},
    {{3, 6, 5, 2}, 2, 3, 1, 2, 1, 1, 0, 1, 5, 3},
    {{1, 12, 11, 2}, 3, 3, 1, 1, 2, 3, 2, 3, 12, 11},
    {{1, 1, 1, 70}, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {{1, 40, 33, 1}, 1, 7, 1, 1, 1, 1, 0, 3, 40, 33},
};

TEST(Depthwise, Windows) {
  for (WindowCase c : kWindows) {
    CheckDepthwise(c, Precision::kFp32);
    c.pixels_per_item = 4;
    CheckDepthwise(c, Precision::kFp32);
  }
}

TEST(Depthwise, EpilogueAndHalfStorage) {
  CheckDepthwise({}, Precision::kFp32, {false, kRelu6, Elementwise::kHardSwish, false});
  CheckDepthwise({}, Precision::kFp32, {false, Epilogue().range, Elementwise::kLeakyRelu, true});
  CheckDepthwise({}, Precision::kFp16Storage);
}

TEST(Pool, Windows) {
  for (WindowCase c : kWindows) {
    c.dilation_h = c.dilation_w = 1;
    for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
      CheckPool(c, kind, false, Precision::kFp32);
      CheckPool(c, kind, true, Precision::kFp32);
    }
  }
}

// As the CPU's: a maximum ignores NaN and is a float at least, an average of it is NaN.
TEST(Pool, NotANumberAndInfinity) {
  CheckPool({}, PoolKind::kMax, false, Precision::kFp32, true);
  CheckPool({}, PoolKind::kAverage, false, Precision::kFp32, true);
  CheckPool({}, PoolKind::kAverage, false, Precision::kFp32, true, {false, kRelu6, {}, false});
}

TEST(Pool, EpilogueAndHalfStorage) {
  for (const PoolKind kind : {PoolKind::kMax, PoolKind::kAverage}) {
    CheckPool({}, kind, false, Precision::kFp32, false,
              {false, kRelu6, Elementwise::kHardSwish, false});
    CheckPool({}, kind, false, Precision::kFp16Storage);
  }
}

TEST(Mean, Shapes) {
  for (const Precision precision : {Precision::kFp32, Precision::kFp16Storage}) {
    for (const Shape& shape :
         {Shape{1, 1, 1, 1}, Shape{2, 7, 7, 5}, Shape{1, 8, 8, 3}, Shape{3, 13, 21, 2}}) {
      KernelTester tester(precision);
      HostTensor in = tester.Random(shape, 1, NAN);
      in.At(0, 0, 0, 0) = 100.0f;
      HostTensor out({shape.batch, 1, 1, shape.channels}, 0, KernelTester::kUntouched);
      MeanCall call;
      call.input = tester.Upload(&in);
      call.output = tester.Upload(&out);
      EXPECT_TRUE(tester.Run(MakeMean, call));
      tester.Check(call.output, out, [&](int b, int, int, int c) {
        double sum = 0.0;
        for (int p = 0; p < shape.height * shape.width; ++p) {
          sum += in.At(b, p / shape.width, p % shape.width, c);
        }
        return sum / (shape.height * shape.width);
      });
    }
  }
}

void CheckSoftmax(const Shape& shape, float beta, float offset, Precision precision,
                  bool in_place = false) {
  KernelTester tester(precision);
  HostTensor in = tester.Random(shape, 1, NAN);
  in.ForEach([&](int b, int y, int x, int c) { in.At(b, y, x, c) += offset; });
  if (shape.channels > 2 && shape.batch > 1) in.At(1, 0, 0, 2) = NAN;
  if (shape.channels > 2 && shape.batch > 2) in.At(2, 0, 0, 2) = INFINITY;
  HostTensor out(shape, 2, KernelTester::kUntouched);
  SoftmaxCall call;
  call.beta = beta;
  call.input = tester.Upload(&in);
  if (in_place) out = in;
  call.output = in_place ? call.input : tester.Upload(&out);
  EXPECT_TRUE(tester.Run(MakeSoftmax, call));
  tester.Check(call.output, out, [&](int b, int y, int x, int c) {
    double largest = -INFINITY, sum = 0.0;
    for (int k = 0; k < shape.channels; ++k) largest = std::fmax(largest, in.At(b, y, x, k));
    for (int k = 0; k < shape.channels; ++k) {
      sum += std::exp((in.At(b, y, x, k) - largest) * beta);
    }
    return std::exp((in.At(b, y, x, c) - largest) * beta) / sum;
  });
}

TEST(Softmax, ManyChannelsAndManyPixels) {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{3, 1, 1, 200}, Shape{1, 2, 3, 63},
                             Shape{3, 30, 31, 4}, Shape{1, 32, 32, 1}}) {
    CheckSoftmax(shape, 1.0f, 0.0f, Precision::kFp32);
    CheckSoftmax(shape, 2.5f, 1000.0f, Precision::kFp32);
  }
  CheckSoftmax({2, 1, 1, 200}, 1.0f, 0.0f, Precision::kFp16Storage);
  CheckSoftmax({1, 5, 5, 65}, 1.0f, 0.0f, Precision::kFp32, true);
}

constexpr Elementwise kOfOne[] = {
    Elementwise::kScale,    Elementwise::kLeakyRelu, Elementwise::kElu,  Elementwise::kHardSwish,
    Elementwise::kLogistic, Elementwise::kSwish,     Elementwise::kMish, Elementwise::kGelu,
    Elementwise::kGeluTanh, Elementwise::kTanh,      Elementwise::kExp,  Elementwise::kLog,
    Elementwise::kSoftplus};

TEST(Elementwise, Functions) {
  for (const Elementwise function : kOfOne) CheckFunction(function, Precision::kFp32);
  CheckFunction(Elementwise::kHardSwish, Precision::kFp16Storage);
}

double Combine(Elementwise function, double a, double b) {
  switch (function) {
    case Elementwise::kAdd:
      return a + b;
    case Elementwise::kSubtract:
      return a - b;
    case Elementwise::kMultiply:
      return a * b;
    default:
      return a < 0.0 ? a * b : a;
  }
}

double Spread(const HostTensor& t, int b, int y, int x, int c) {
  return t.At(std::min(b, t.shape.batch - 1), std::min(y, t.shape.height - 1),
              std::min(x, t.shape.width - 1), std::min(c, t.shape.channels - 1));
}

void CheckBinary(Elementwise function, const Shape& first, const Shape& second,
                 Precision precision = Precision::kFp32, bool in_place = false) {
  KernelTester tester(precision);
  HostTensor a = tester.Random(first, 1, NAN);
  HostTensor b = tester.Random(second, 2, NAN);
  const Shape shape = {std::max(first.batch, second.batch), std::max(first.height, second.height),
                       std::max(first.width, second.width),
                       std::max(first.channels, second.channels)};
  a.At(0, 0, 0, 0) = NAN;
  HostTensor out(shape, 0, KernelTester::kUntouched);
  ElementwiseCall call;
  call.function = function;
  call.range = {-1.0f, 2.0f};
  call.first = tester.Upload(&a);
  call.second = tester.Upload(&b);
  if (in_place) out = a;
  call.output = in_place ? call.first : tester.Upload(&out);
  EXPECT_TRUE(tester.Run(MakeElementwise, call));
  Finish finish;
  finish.range = call.range;
  tester.Check(call.output, out, [&](int n, int y, int x, int c) {
    return Finished(finish, Combine(function, Spread(a, n, y, x, c), Spread(b, n, y, x, c)), 1.0);
  });
}

TEST(Elementwise, TwoTensors) {
  for (const Elementwise function :
       {Elementwise::kAdd, Elementwise::kSubtract, Elementwise::kMultiply, Elementwise::kPRelu}) {
    CheckBinary(function, {2, 5, 7, 6}, {2, 5, 7, 6});
    CheckBinary(function, {2, 5, 7, 6}, {1, 1, 1, 6});
    CheckBinary(function, {2, 5, 7, 6}, {2, 1, 1, 6});
    CheckBinary(function, {1, 1, 1, 6}, {2, 5, 7, 6});
    CheckBinary(function, {2, 5, 1, 6}, {1, 1, 7, 1});
    CheckBinary(function, {2, 5, 7, 6}, {2, 5, 7, 1});
    CheckBinary(function, {1, 1, 1, 1}, {3, 1, 1, 300});
    CheckBinary(function, {1, 30, 31, 9}, {1, 30, 31, 9}, Precision::kFp32, true);
  }
  CheckBinary(Elementwise::kAdd, {2, 5, 7, 6}, {2, 5, 7, 6}, Precision::kFp16Storage);
}

void CheckChannels(Elementwise function) {
  KernelTester tester;
  HostTensor in = tester.Random({2, 3, 4, 7}, 1, NAN);
  HostTensor out(in.shape, 1, KernelTester::kUntouched);
  const std::vector<float> scale = tester.RandomValues(7);
  const std::vector<float> offset = tester.RandomValues(7);
  ElementwiseCall call;
  call.function = function;
  call.first = tester.Upload(&in);
  call.output = tester.Upload(&out);
  call.scale = tester.Upload(scale);
  if (function == Elementwise::kScale) call.offset = tester.Upload(offset);
  EXPECT_TRUE(tester.Run(MakeElementwise, call));
  tester.Check(call.output, out, [&](int b, int y, int x, int c) {
    return FunctionOf(function, in.At(b, y, x, c), scale[c], offset[c]);
  });
}

TEST(Elementwise, NumbersOfChannels) {
  CheckChannels(Elementwise::kScale);
  CheckChannels(Elementwise::kLeakyRelu);
}

TEST(Elementwise, SaysWhatIsWrong) {
  KernelTester tester;
  HostTensor a = tester.Random({1, 2, 3, 4});
  HostTensor b = tester.Random({1, 2, 2, 4});
  ElementwiseCall call;
  Launch launch;
  call.first = call.output = tester.Upload(&a);
  call.second = tester.Upload(&b);
  Status status = MakeElementwise(tester.context(), tester.precision(), call, &launch);
  EXPECT_NE(status.message().find("broadcast"), std::string::npos) << status.message();
  call.function = Elementwise::kMultiplyAdd;
  status = MakeElementwise(tester.context(), tester.precision(), call, &launch);
  EXPECT_NE(status.message().find("elementwise"), std::string::npos) << status.message();
  call.function = Elementwise::kScale;
  call.scale = tester.Upload(std::vector<float>(4));
  status = MakeElementwise(tester.context(), tester.precision(), call, &launch);
  EXPECT_NE(status.message().find("both or none"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace ubp::opencl
