// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/top.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

namespace ubp {
namespace selection {
namespace {

TEST(TopTest, ThresholdAndTiesOfEveryCount) {
  std::mt19937 random(1);
  for (const int32_t limit : {0, 1, 5, 3000, 1 << 20, INT32_MAX}) {
    for (const int size : {1, 2, 100}) {
      std::vector<int32_t> numbers(size);
      for (int32_t& number : numbers) {
        number = std::uniform_int_distribution<int32_t>(0, limit)(random);
      }
      std::vector<int32_t> sorted = numbers;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      for (int count = 1; count <= size; ++count) {
        const Threshold found = FindThreshold(numbers, count);
        const int32_t expected = sorted[count - 1];
        ASSERT_EQ(found.value, expected);
        const auto above = std::count_if(numbers.begin(), numbers.end(),
                                         [&](int32_t number) { return number > expected; });
        ASSERT_EQ(found.ties, count - above);
      }
    }
  }
}

}  // namespace
}  // namespace selection
}  // namespace ubp
