// SPDX-License-Identifier: Apache-2.0
// Schedules of strips, executed on rows that know what they hold.

#include "delegate/cpu/plan/strip_schedule.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace ubp {
namespace {

ConvShape Rows(int in_h, int kernel, int stride, int pad) {
  ConvShape shape{};
  shape.in_h = in_h;
  shape.kernel_h = kernel;
  shape.stride_h = stride;
  shape.dilation_h = 1;
  shape.pad_top = pad;
  shape.out_h = (in_h + 2 * pad - kernel) / stride + 1;
  return shape;
}

// A chain of windows over tensors 0, 1, .., of which each op may also add an earlier tensor.
class StripsUnderTest {
 public:
  explicit StripsUnderTest(int height) { strips_.tensors.push_back({height, false}); }

  int Add(int input, int kernel, int stride, int pad, int second = -1) {
    const int output = static_cast<int>(strips_.tensors.size());
    const ConvShape shape = Rows(strips_.tensors[input].height, kernel, stride, pad);
    strips_.ops.push_back({input, second, output, shape});
    strips_.tensors.push_back({shape.out_h, true});
    return output;
  }

  // Runs all bands and checks that every row read is there, in the window it is said to be in.
  void Check(int bands, int strip_rows) {
    strips_.tensors.back().in_row_buffer = false;
    std::vector<int> buffer_rows(strips_.tensors.size(), 0);
    for (int band = 0; band < bands; ++band) Schedule(band, bands, strip_rows, &buffer_rows);
    std::vector<bool> result(strips_.tensors.back().height, false);
    for (int band = 0; band < bands; ++band) {
      const std::vector<int> sized = buffer_rows;
      const std::vector<StripAction> actions = Schedule(band, bands, strip_rows, &buffer_rows);
      EXPECT_EQ(buffer_rows, sized) << "windows grew after they had been sized";
      windows_.clear();
      for (const int rows : buffer_rows) windows_.emplace_back(rows, kNothing);
      for (const StripAction& action : actions) Execute(action, &result);
    }
    EXPECT_EQ(std::count(result.begin(), result.end(), true), result.size());
  }

 private:
  static constexpr int kNothing = -1000;
  static constexpr int kPadding = -2000;

  std::vector<StripAction> Schedule(int band, int bands, int strip_rows,
                                    std::vector<int>* buffer_rows) const {
    const int rows = strips_.tensors.back().height;
    return ScheduleBand(strips_, rows * band / bands, rows * (band + 1) / bands, strip_rows,
                        buffer_rows);
  }

  // Row `row` of a tensor must lie where the action says.
  void ExpectRow(int tensor, int first_row, int row) const {
    const int height = strips_.tensors[tensor].height;
    if (!strips_.tensors[tensor].in_row_buffer) return;
    const int place = row - first_row;
    ASSERT_TRUE(place >= 0 && place < static_cast<int>(windows_[tensor].size()))
        << "row " << row << " of tensor " << tensor;
    const bool inside = row >= 0 && row < height;
    EXPECT_EQ(windows_[tensor][place], inside ? row : kPadding)
        << "row " << row << " of tensor " << tensor;
  }

  void Write(int tensor, int first_row, int row, int value) {
    const int place = row - first_row;
    ASSERT_TRUE(place >= 0 && place < static_cast<int>(windows_[tensor].size()));
    windows_[tensor][place] = value;
  }

  void Execute(const StripAction& action, std::vector<bool>* result) {
    if (action.kind == StripActionKind::kRun) return ExecuteRun(action, result);
    std::vector<int>& window = windows_[action.index];
    for (int row = action.begin; row < action.end; ++row) {
      if (action.kind == StripActionKind::kZero) {
        Write(action.index, action.output_row, row, kPadding);
      } else {
        window[row - action.begin] = window.at(row - action.output_row);
      }
    }
  }

  void ExecuteRun(const StripAction& action, std::vector<bool>* result) {
    const StripOp& op = strips_.ops[action.index];
    for (int row = action.begin; row < action.end; ++row) {
      for (int k = 0; k < op.shape.kernel_h; ++k) {
        ExpectRow(op.input, action.input_row, row * op.shape.stride_h - op.shape.pad_top + k);
      }
      if (op.second >= 0) ExpectRow(op.second, action.second_row, row);
      if (strips_.tensors[op.output].in_row_buffer) {
        Write(op.output, action.output_row, row, row);
      } else {
        EXPECT_FALSE((*result)[row]) << "row " << row << " was computed twice";
        (*result)[row] = true;
      }
    }
  }

  StripOps strips_;
  std::vector<std::vector<int>> windows_;  // what each row of each window holds
};

class StripScheduleTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Heights, StripScheduleTest, testing::Values(12, 17, 31, 56, 112));

TEST_P(StripScheduleTest, Chains) {
  for (const int bands : {1, 2, 3}) {
    for (const int rows : {1, 2, 3, 4, 8, 200}) {
      StripsUnderTest strips(GetParam());
      int x = strips.Add(0, 3, 2, 1);
      x = strips.Add(x, 3, 1, 1);
      x = strips.Add(x, 1, 1, 0);
      x = strips.Add(x, 5, 1, 2);
      strips.Add(x, 3, 2, 1);
      strips.Check(bands, rows);
    }
  }
}

TEST_P(StripScheduleTest, Residuals) {
  for (const int bands : {1, 2}) {
    for (const int rows : {1, 2, 5}) {
      StripsUnderTest strips(GetParam());
      const int a = strips.Add(0, 1, 1, 0);
      const int b = strips.Add(a, 3, 1, 1);
      const int c = strips.Add(b, 1, 1, 0, a);
      const int d = strips.Add(c, 7, 1, 3);
      strips.Add(d, 1, 2, 0);
      strips.Add(5, 1, 1, 0);
      strips.Check(bands, rows);
    }
  }
}

TEST(StripScheduleBandTest, WindowsAreNoLargerThanTheyMustBe) {
  StripOps strips;
  strips.tensors = {{112, false}, {112, true}, {112, false}};
  strips.ops = {{0, -1, 1, Rows(112, 1, 1, 0)}, {1, -1, 2, Rows(112, 3, 1, 1)}};
  std::vector<int> buffer_rows(3, 0);
  ScheduleBand(strips, 0, 112, 4, &buffer_rows);
  EXPECT_EQ(buffer_rows[1], 6);  // the strip and a row on either side
}

}  // namespace
}  // namespace ubp
