// SPDX-License-Identifier: Apache-2.0
// Every kernel family against plain loops.

#include "python/ubp/selection/native/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "tests/cpp/selection/test_layers.h"

namespace ubp {
namespace selection {
namespace {

class FamilyTest : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels() const { return *GetParam(); }
  std::mt19937 random_{1};
};

INSTANTIATE_TEST_SUITE_P(All, FamilyTest, testing::ValuesIn(SupportedKernels()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(KernelsTest, TheLastFamilyRunsEverywhere) {
  const std::vector<const Kernels*> all = SupportedKernels();
  ASSERT_FALSE(all.empty());
  EXPECT_STREQ(all.back()->name, "portable");
  for (const Kernels* kernels : all) EXPECT_EQ(FindKernels(kernels->name), kernels);
  EXPECT_EQ(FindKernels("mmx"), nullptr);
}

template <class T>
void TestPeak(const Kernels& kernels) {
  using Limits = std::numeric_limits<T>;
  for (int64_t count = 1; count < 150; ++count) {
    std::vector<T> values(count, T(0.5));
    for (int64_t place = 0; place < count; ++place) {
      for (const T valid : {T(0.75), T(0.25), Limits::max(), Limits::denorm_min(), T(-0.0)}) {
        values[place] = valid;
        T peak = -1;
        ASSERT_TRUE(kernels.Peak(values.data(), count, &peak)) << valid << " at " << place;
        ASSERT_EQ(peak, count == 1 ? valid : std::max(valid, T(0.5)));
      }
      for (const T invalid : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(),
                              -Limits::denorm_min(), T(-1)}) {
        values[place] = invalid;
        T peak;
        ASSERT_FALSE(kernels.Peak(values.data(), count, &peak)) << invalid << " at " << place;
      }
      values[place] = T(0.5);
    }
  }
}

TEST_P(FamilyTest, PeakFloat) { TestPeak<float>(kernels()); }
TEST_P(FamilyTest, PeakDouble) { TestPeak<double>(kernels()); }

TEST_P(FamilyTest, QuantisesToTheNearestIntegerHalvesToEven) {
  std::vector<double> values = {0, -0.0, 0.5, 1.5, 2.5, 1e-310, 3.49999999, 3.5, 4};
  for (int i = 0; i < 1000; ++i) {
    values.push_back(std::uniform_real_distribution<double>(0, 4)(random_));
  }
  for (const double quanta : {4.0, 3.7, 134217727.75, 536870911.0}) {
    std::vector<int32_t> elements(values.size());
    kernels().quantise_f64(values.data(), values.size(), 4, quanta, elements.data());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(elements[i], std::llrint(values[i] / 4 * quanta)) << values[i] << " " << quanta;
    }
    const std::vector<float> floats(values.begin(), values.end());
    kernels().quantise_f32(floats.data(), floats.size(), 4, quanta, elements.data());
    for (size_t i = 0; i < floats.size(); ++i) {
      ASSERT_EQ(elements[i], std::llrint(double{floats[i]} / 4 * quanta));
    }
  }
}

// A group of lanes, interleaved.
struct Group {
  Group(const Kernels& kernels, int64_t channels, int64_t block_size, int limit,
        std::mt19937* random)
      : width(kernels.width), starts(channels - block_size + 1), n(block_size) {
    const int64_t stride = (channels + width - 1) / width * width;
    AlignedArray<int32_t> rows(width * stride), columns(width * stride);
    scores = AlignedArray<int32_t>(width * starts);
    std::fill_n(rows.data(), width * stride, 0);
    for (int lane = 0; lane < width; ++lane) {
      lanes.emplace_back();
      for (int64_t c = 0; c < channels; ++c) {
        lanes.back().push_back(std::uniform_int_distribution<int>(0, limit)(*random));
        rows.data()[lane * stride + c] = static_cast<int32_t>(lanes.back().back());
      }
    }
    max_score = kernels.interleave(
        {rows.data(), stride, channels, block_size, columns.data(), scores.data()});
  }

  int64_t Score(int lane, int64_t start) const { return scores.data()[start * width + lane]; }

  int width;
  int64_t starts, n;
  std::vector<std::vector<int64_t>> lanes;  // elements
  AlignedArray<int32_t> scores;
  int32_t max_score;
};

TEST_P(FamilyTest, InterleavesDoubledScores) {
  for (const int64_t channels : {1, 2, 5, 15, 16, 17, 33, 64}) {
    for (const int64_t block_size : {1, 2, 3, 4, 16, 33}) {
      if (block_size > channels) continue;
      const Group group(kernels(), channels, block_size, 1000, &random_);
      int64_t largest = 0;
      for (int lane = 0; lane < group.width; ++lane) {
        for (int64_t start = 0; start < group.starts; ++start) {
          const int64_t expected = 2 * ScoreOf(group.lanes[lane], start, block_size);
          ASSERT_EQ(group.Score(lane, start), expected);
          largest = std::max(largest, expected);
        }
      }
      EXPECT_EQ(group.max_score, largest);
    }
  }
}

// The lanes' optima at a penalty, added up; of equals, those with the most blocks.
struct Expected {
  int64_t count = 0;
  int64_t value = 0;  // penalties not subtracted
};
Expected BestAt(const Group& group, int64_t penalty) {
  Expected sum;
  for (const std::vector<int64_t>& lane : group.lanes) {
    const std::vector<int64_t> best = BestOfLane(lane, group.n);
    int64_t most = 0;
    for (int64_t m = 1; m < static_cast<int64_t>(best.size()); ++m) {
      if (best[m] - penalty * m >= best[most] - penalty * most) most = m;
    }
    sum.count += most;
    sum.value += best[most];
  }
  return sum;
}

int32_t Doubled(int64_t penalty) { return static_cast<int32_t>(2 * penalty - 1); }

std::vector<SweepResult> Sweep(const Kernels& kernels, const Group& group,
                               const std::vector<int64_t>& penalties) {
  AlignedArray<int32_t> rings(kMaxPoints * 2 * group.n * group.width);
  std::vector<SweepResult> results(penalties.size());
  SweepArgs args = {group.scores.data(), group.starts, group.n, {}, rings.data(), results.data()};
  for (size_t p = 0; p < penalties.size(); ++p) args.penalties[p] = Doubled(penalties[p]);
  kernels.sweep[penalties.size() - 1](args);
  return results;
}

// Traces the blocks, and adds them up as a sweep does.
SweepResult Trace(const Kernels& kernels, const Group& group, int64_t penalty) {
  const int64_t num_words = (group.starts + kWordStarts - 1) / kWordStarts;
  AlignedArray<int32_t> ring(group.n * group.width), words(num_words * group.width);
  kernels.trace(
      {group.scores.data(), group.starts, group.n, Doubled(penalty), ring.data(), words.data()});
  SweepResult sum = {0, 0};
  for (int lane = 0; lane < group.width; ++lane) {
    int64_t free_from = 0;
    for (int64_t start = 0; start < group.starts; ++start) {
      const uint32_t word = words.data()[start / kWordStarts * group.width + lane];
      if ((word >> start % kWordStarts & 1) == 0) continue;
      EXPECT_GE(start, free_from);
      free_from = start + group.n;
      ++sum.count;
      sum.value += group.Score(lane, start) - Doubled(penalty);
    }
  }
  return sum;
}

TEST_P(FamilyTest, SweepsAndTracesTheOptimumWithTheMostBlocks) {
  for (const int limit : {1, 3, 1000, 1 << 26}) {  // many ties, few, none, and large numbers
    for (const int64_t n : {1, 2, 3, 4, 7, 8}) {
      for (const int64_t channels : {n, n + 1, int64_t{37}, int64_t{70}}) {
        const Group group(kernels(), channels, n, limit, &random_);
        const int64_t highest = group.max_score / 2 + 1;
        std::uniform_int_distribution<int64_t> any(0, highest);
        for (const int64_t penalty : {int64_t{0}, highest, any(random_), any(random_)}) {
          const Expected expected = BestAt(group, penalty);
          const int64_t net = 2 * expected.value - Doubled(penalty) * expected.count;
          const std::vector<SweepResult> pair = Sweep(kernels(), group, {highest, penalty});
          for (const SweepResult& found :
               {pair[1], Sweep(kernels(), group, {penalty})[0], Trace(kernels(), group, penalty)}) {
            ASSERT_EQ(found.count, expected.count) << "penalty " << penalty;
            ASSERT_EQ(static_cast<int64_t>(found.value), net) << "penalty " << penalty;
          }
          EXPECT_EQ(pair[0].count, 0);
          EXPECT_EQ(pair[0].value, 0u);
        }
      }
    }
  }
}

}  // namespace
}  // namespace selection
}  // namespace ubp
