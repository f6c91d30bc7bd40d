// SPDX-License-Identifier: Apache-2.0
// Strips of random groups of operators on several threads: the same bits, whatever the number of
// threads and however often they run. Under the thread sanitizer: no band reads what another one
// writes.

#include <algorithm>
#include <initializer_list>
#include <random>
#include <vector>

#include "delegate/cpu/plan/layout.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"

namespace ubp {
namespace {

constexpr int kLeastWidth = 20;  // of an image that another operator makes smaller

// Draws graphs whose operators can run strip by strip, but for the first and the last.
class RandomStrips {
 public:
  explicit RandomStrips(uint32_t seed) : random_(seed) {}

  void Build(TestGraph* test) {
    int x = test->Convolve(0, Draw({4, 6, 8}), Draw({1, 3, 5}), 1, Padding::kSame, false);
    const int ops = Draw({2, 3, 4, 5});
    for (int i = 0; i < ops; ++i) x = AddOp(test, x);
    test->MarkOutput(test->Mean(x, false));
  }

  Dims DrawInput() { return {Draw({1, 2}), Draw({33, 50}), Draw({40, 61}), Draw({1, 3})}; }

  int Draw(std::initializer_list<int> values) {
    return values.begin()[std::uniform_int_distribution<size_t>(0, values.size() - 1)(random_)];
  }

 private:
  int AddOp(TestGraph* test, int x) {
    const Padding padding = Draw({0, 1}) ? Padding::kSame : Padding::kValid;
    const bool can_shrink = test->dims(x)[2] >= 2 * kLeastWidth && test->dims(x)[1] >= kLeastWidth;
    const int stride = can_shrink ? Draw({1, 2, 3}) : 1;
    switch (Draw({0, 1, 2, 3, 4})) {
      case 0:
        return test->Depthwise(x, Draw({3, 5}), std::min(stride, 2), padding);
      case 1:
        return test->MaxPool(test->Pad(x, {1, 1, 1, 1}), 3, std::min(stride, 2), Padding::kValid);
      case 2:
        return AddResidual(test, x);
      default:
        return test->Convolve(x, Draw({4, 7, 8}), Draw({1, 2, 3, 5, 7}), stride, padding,
                              Draw({0, 1}) == 1, Activation::kRelu);
    }
  }

  int AddResidual(TestGraph* test, int x) {
    const int channels = test->dims(x)[3];
    int y = test->Convolve(x, 8, 3, 1, Padding::kSame, true, Activation::kRelu);
    y = test->Convolve(y, channels, Draw({1, 3}), 1, Padding::kSame, true);
    return test->Sum(x, y, Activation::kRelu);
  }

  std::mt19937 random_;
};

TEST(StripThreadsTest, GiveTheSameBitsForAnyNumberOfThreads) {
  constexpr int kGraphs = 16;
  PlanRules rules;
  rules.row_buffer_elements = 1;
  rules.least_strip_pixels = 1;
  size_t groups = 0;
  for (int seed = 0; seed < kGraphs; ++seed) {
    RandomStrips strips(seed);
    TestGraph test(strips.DrawInput());
    strips.Build(&test);
    rules.most_row_buffer_floats = strips.Draw({4 * 1024, 16 * 1024, 64 * 1024, 1 << 20});
    GraphLayout layout;
    ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), {true, 5, rules}, &layout).ok());
    groups += layout.strips.size();
    const std::vector<float> input = test.RandomInput();
    const auto alone = test.Run({&BestInstructionSet(), 1, rules}, input);
    for (const int threads : {2, 3, 5}) {
      const auto outputs = test.Run({&BestInstructionSet(), threads, rules}, input, 6);
      EXPECT_EQ(outputs, alone) << "graph " << seed << ", " << threads << " threads";
    }
  }
  EXPECT_GE(groups, kGraphs / 2u) << "too few of the graphs have operators in strips";
}

}  // namespace
}  // namespace ubp
