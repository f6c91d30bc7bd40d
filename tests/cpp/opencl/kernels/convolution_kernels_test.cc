// SPDX-License-Identifier: Apache-2.0
// The kernels of convolutions and fully-connected layers over their edge axes.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "tests/cpp/opencl/kernels/convolution_cases.h"

namespace ubp::opencl {
namespace {

constexpr ActivationRange kRelu6 = {0.0f, 6.0f};

TEST(SparseConvolution, Shapes) {
  for (const int n : {4, 8}) {
    SparseCase c;
    c.block_size = n;
    for (const Shape& input :
         {Shape{1, 1, 1, 40}, Shape{1, 5, 9, 7}, Shape{3, 3, 5, 8}, Shape{2, 17, 16, 3}}) {
      for (const int out_channels : {n, n + 1, 5 * n - 1, 1}) {
        if (out_channels < n && n > 4) continue;
        c.input = input;
        c.out_channels = out_channels;
        c.ranges = out_channels > 2 * n ? 3 : 1;
        CheckSparse(c, Precision::kFp32);
      }
    }
  }
}

TEST(SparseConvolution, Windows) {
  SparseCase c;
  for (const Window& window : {Window{3, 1, 1}, Window{3, 2, 1}, Window{3, 1, 2}, Window{5, 1, 1},
                               Window{1, 2, 1}, Window{2, 1, 1}}) {
    c.window = window;
    c.input = {2, 9, 6, 5};
    CheckSparse(c, Precision::kFp32);
  }
}

TEST(SparseConvolution, Densities) {
  for (const int n : {1, 2, 4, 8, 16}) {
    SparseCase c;
    c.block_size = n;
    c.pixels_per_item = 2;
    c.out_channels = 37;
    for (const double density : {0.0, 0.01, 0.5, 1.0}) {
      c.density = density;
      c.ranges = 2;
      CheckSparse(c, Precision::kFp32);
    }
  }
}

TEST(SparseConvolution, Epilogue) {
  SparseCase c;
  c.finish.residual = true;
  c.finish.range = kRelu6;
  c.finish.function = Elementwise::kHardSwish;
  CheckSparse(c, Precision::kFp32);
  c.finish = {};
  c.finish.function = Elementwise::kLeakyRelu;
  c.finish.channels = true;
  CheckSparse(c, Precision::kFp32);
}

// Only outputs that read them become NaN or infinite; clamps keep NaN.
TEST(SparseConvolution, NotANumberAndInfinity) {
  SparseCase c;
  c.extremes = true;
  c.density = 0.05;
  CheckSparse(c, Precision::kFp32);
  c.finish.range = kRelu6;
  CheckSparse(c, Precision::kFp32);
}

TEST(SparseConvolution, HalfStorage) {
  for (const int n : {4, 8}) {
    SparseCase c;
    c.block_size = n;
    c.input = {2, 9, 6, 5};
    c.window = {3, 1, 1};
    c.finish.residual = true;
    CheckSparse(c, Precision::kFp16Storage);
  }
}

// The order of multiply-adds is that of the blocks, however work is divided.
TEST(SparseConvolution, SameBitsForEveryTilePixelsAndRanges) {
  for (const int n : {1, 4, 8}) {
    SparseCase c;
    c.block_size = n;
    c.input = {2, 9, 11, 24};
    c.out_channels = 67;
    c.window.kernel = n == 4 ? 3 : 1;
    std::vector<float> first;
    for (const int v : {1, 2, 4}) {
      for (const int tile : {16, 64}) {
        if (tile == 16 && v != 4) continue;
        for (const int ranges : {1, 2, 5, 100}) {
          c.pixels_per_item = v;
          c.tile = tile;
          c.ranges = ranges;
          const std::vector<float> memory = CheckSparse(c, Precision::kFp32);
          if (first.empty()) first = memory;
          EXPECT_EQ(0, std::memcmp(first.data(), memory.data(), first.size() * sizeof(float))) << c;
        }
      }
    }
  }
}

TEST(SparseConvolution, FourLanesTogether) {
  for (const Window& window : {Window{1, 1, 1}, Window{3, 1, 1}}) {
    SparseCase c;
    c.window = window;
    c.lanes_together = 4;
    c.input = {1, 9, 11, 24};
    c.ranges = 3;
    c.out_channels = 31;
    CheckSparse(c, Precision::kFp32);
  }
}

TEST(SparseConvolution, WideAddresses) {
  SparseCase c;
  c.window = {3, 1, 1};
  c.wide_addresses = true;
  c.ranges = 2;
  const std::vector<float> wide = CheckSparse(c, Precision::kFp32);
  c.wide_addresses = false;
  const std::vector<float> narrow = CheckSparse(c, Precision::kFp32);
  EXPECT_EQ(0, std::memcmp(wide.data(), narrow.data(), wide.size() * sizeof(float)));
}

TEST(SparseConvolution, SaysWhatIsWrong) {
  KernelTester tester;
  HostTensor tensor({1, 4, 4, 8});
  SparseConvolutionCall call;
  Launch launch;
  call.input = call.output = tester.Upload(&tensor);
  call.values = tester.Upload(std::vector<float>(16));
  call.block_size = 3;
  Status status = MakeSparseConvolution(tester.context(), tester.precision(), call, &launch);
  EXPECT_NE(status.message().find("N=3"), std::string::npos) << status.message();
  call.block_size = 4;
  call.values.first = 3;
  status = MakeSparseConvolution(tester.context(), tester.precision(), call, &launch);
  EXPECT_NE(status.message().find("multiple of 16"), std::string::npos) << status.message();
  call.values.first = 16;
  call.output.planes.image += 10000;
  call.output.planes.batch = call.input.planes.batch = 2;
  status = MakeSparseConvolution(tester.context(), tester.precision(), call, &launch);
  EXPECT_NE(status.message().find("reaches"), std::string::npos) << status.message();
}

TEST(DenseConvolution, Shapes) {
  for (const int m : {4, 8, 16}) {
    for (const Shape& input : {Shape{1, 1, 1, 40}, Shape{1, 5, 9, 7}, Shape{3, 3, 5, 8}}) {
      for (const int out_channels : {1, m, m + 1, 5 * m - 1}) {
        DenseCase c;
        c.channels_per_item = m;
        c.input = input;
        c.out_channels = out_channels;
        CheckDense(c, Precision::kFp32);
      }
    }
  }
}

TEST(DenseConvolution, Windows) {
  DenseCase c;
  for (const Window& window : {Window{3, 1, 1}, Window{3, 2, 1}, Window{3, 1, 2}, Window{5, 1, 1},
                               Window{1, 2, 1}, Window{2, 1, 1}}) {
    c.window = window;
    c.input = {2, 9, 6, 5};
    CheckDense(c, Precision::kFp32);
  }
}

TEST(DenseConvolution, EpilogueAndExtremes) {
  DenseCase c;
  c.finish.residual = true;
  c.finish.range = kRelu6;
  c.finish.function = Elementwise::kHardSwish;
  CheckDense(c, Precision::kFp32);
  c.finish = {};
  c.finish.function = Elementwise::kLeakyRelu;
  c.finish.channels = true;
  CheckDense(c, Precision::kFp32);
  c.finish = {};
  c.finish.range = kRelu6;
  c.extremes = true;
  c.input = {1, 20, 20, 2};
  CheckDense(c, Precision::kFp32);
}

TEST(DenseConvolution, WideAddresses) {
  DenseCase c;
  c.window = {3, 2, 1};
  c.input = {2, 9, 6, 5};
  c.wide_addresses = true;
  CheckDense(c, Precision::kFp32);
}

TEST(DenseConvolution, HalfStorage) {
  DenseCase c;
  c.window = {3, 1, 1};
  c.finish.residual = true;
  CheckDense(c, Precision::kFp16Storage);
}

TEST(FullyConnected, Shapes) {
  for (const int m : {4, 8, 16}) {
    for (const int rows : {1, 3}) {
      for (const int in_channels : {1, 63, 64, 200}) {
        for (const int out_channels : {1, m, 3 * m + 1}) {
          FullyConnectedCase c;
          c.rows = rows;
          c.in_channels = in_channels;
          c.out_channels = out_channels;
          c.channels_per_item = m;
          CheckFullyConnected(c, Precision::kFp32);
        }
      }
    }
  }
}

TEST(FullyConnected, EpilogueAndHalfStorage) {
  FullyConnectedCase c;
  c.finish.range = {-1.0f, 1.0f};
  c.finish.function = Elementwise::kHardSwish;
  CheckFullyConnected(c, Precision::kFp32);
  c.finish = {};
  c.finish.function = Elementwise::kLeakyRelu;
  c.finish.channels = true;
  CheckFullyConnected(c, Precision::kFp32);
  c.finish = {};
  CheckFullyConnected(c, Precision::kFp16Storage);
}

}  // namespace
}  // namespace ubp::opencl
