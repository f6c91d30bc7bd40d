// SPDX-License-Identifier: Apache-2.0
// Kernels that copy numbers to other places, of all instruction sets: each number at its place, and
// nothing else touched. Matrices end with their memory, so that the address sanitizer sees a read
// beyond.
#include <cstddef>
#include <numeric>
#include <vector>

#include "delegate/cpu/kernels/kernels.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

constexpr float kUntouched = -1.0f;

class RearrangeTest : public testing::TestWithParam<const InstructionSet*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "the processor lacks " << GetParam()->name;
  }
};

// Rows of `cols` numbers, `stride` from one to the next; all different.
std::vector<float> Numbers(int rows, int cols, int stride) {
  std::vector<float> numbers(static_cast<size_t>(rows - 1) * stride + cols);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  return numbers;
}

TEST_P(RearrangeTest, Transposes) {
  for (const int cols : {1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 19, 33}) {
    for (int rows = 1; rows <= 40; ++rows) {
      for (const int gap : {0, 5}) {
        const int src_stride = cols + gap;
        const int dst_stride = rows + gap;
        const std::vector<float> src = Numbers(rows, cols, src_stride);
        std::vector<float> dst(static_cast<size_t>(cols - 1) * dst_stride + rows, kUntouched);
        std::vector<float> expected = dst;
        for (int r = 0; r < rows; ++r) {
          for (int c = 0; c < cols; ++c) expected[c * dst_stride + r] = src[r * src_stride + c];
        }
        GetParam()->transpose(src.data(), src_stride, rows, cols, dst.data(), dst_stride);
        ASSERT_EQ(dst, expected) << rows << " x " << cols << ", gap " << gap;
      }
    }
  }
}

TEST_P(RearrangeTest, CopiesEveryOtherNumber) {
  for (int count = 1; count <= 80; ++count) {
    for (const int rows : {1, 3}) {
      const int src_stride = 2 * count + 3;
      const int dst_stride = count + 2;
      const std::vector<float> src = Numbers(rows, 2 * count - 1, src_stride);
      std::vector<float> dst(static_cast<size_t>(rows - 1) * dst_stride + count, kUntouched);
      std::vector<float> expected = dst;
      for (int r = 0; r < rows; ++r) {
        for (int i = 0; i < count; ++i) expected[r * dst_stride + i] = src[r * src_stride + 2 * i];
      }
      GetParam()->every_other(src.data(), src_stride, rows, count, dst.data(), dst_stride);
      ASSERT_EQ(dst, expected) << rows << " rows of " << count;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, RearrangeTest, testing::ValuesIn(AllInstructionSets()),
                         [](const auto& info) { return info.param->name; });

}  // namespace
}  // namespace ubp
