// SPDX-License-Identifier: Apache-2.0
// The exact optimum against an O(n m) dynamic programme, on every instruction set.

#include "python/ubp/selection/native/optimal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "python/ubp/selection/native/dual.h"
#include "python/ubp/selection/native/problem.h"
#include "tests/cpp/selection/test_layers.h"

namespace ubp {
namespace selection {
namespace {

struct Result {
  std::vector<BlockList> layers;
  int64_t dual_value;
};

Result Select(Problem* problem, int64_t num_blocks) {
  std::vector<int64_t> lanes(num_blocks), starts(num_blocks);
  const Dual dual = MinimiseDual(problem, num_blocks);
  const std::vector<int64_t> counts =
      SelectOptimal(problem, dual, num_blocks, {lanes.data(), starts.data()});
  Result result = {std::vector<BlockList>(problem->layers().size()), dual.value};
  size_t block = 0;
  for (size_t group = 0; group < counts.size(); ++group) {
    BlockList& layer = result.layers[problem->LayerOf(static_cast<int64_t>(group))];
    for (int64_t i = 0; i < counts[group]; ++i, ++block) {
      layer.emplace_back(lanes[block], starts[block]);
    }
  }
  EXPECT_EQ(block, static_cast<size_t>(num_blocks));
  return result;
}

TEST(OptimalTest, EveryNumberOfBlocksOfOneLayer) {
  std::mt19937 random(1);
  for (const Kind kind : kKinds) {
    for (const int64_t block_size : {1, 2, 3, 4, 5, 8, 16}) {
      const int64_t lanes = std::uniform_int_distribution<int64_t>(1, 40)(random);
      const int64_t channels =
          block_size + std::uniform_int_distribution<int64_t>(0, 2 * block_size + 3)(random);
      const TestLayer layer(kind, lanes, channels, block_size, &random);
      const std::vector<int64_t> best = BestOf(layer, layer.peak());
      ASSERT_EQ(static_cast<int64_t>(best.size()), layer.max_blocks() + 1);
      std::vector<std::vector<BlockList>> first_family;
      for (const Kernels* kernels : SupportedKernels()) {
        const bool first = kernels == SupportedKernels().front();
        Problem problem({layer.view()}, *kernels, first ? 1 : 3);
        for (int64_t m = 1; m <= layer.max_blocks(); ++m) {
          const Result result = Select(&problem, m);
          ASSERT_EQ(result.dual_value, best[m]);
          ASSERT_EQ(CheckedScore(layer, layer.peak(), result.layers[0]), best[m]);
          if (first) first_family.push_back(result.layers);
          ASSERT_EQ(result.layers, first_family[m - 1]) << kernels->name;
        }
      }
    }
  }
}

TEST(OptimalTest, LayersOfDifferentBlockSizesTogether) {
  std::mt19937 random(2);
  for (const Kind kind : kKinds) {
    const TestLayer layers[] = {TestLayer(kind, 5, 9, 2, &random),
                                TestLayer(kind, 21, 12, 4, &random),
                                TestLayer(Kind::kGaussian, 1, 30, 3, &random)};
    double peak = 0;
    for (const TestLayer& layer : layers) peak = std::max(peak, layer.peak());
    std::vector<int64_t> best = {0};
    std::vector<Layer> views;
    for (const TestLayer& layer : layers) {
      best = Join(best, BestOf(layer, peak));
      views.push_back(layer.view(peak));
    }
    Problem problem(views, *SupportedKernels().front(), 2);
    for (int64_t m = 1; m < static_cast<int64_t>(best.size()); ++m) {
      const Result result = Select(&problem, m);
      ASSERT_EQ(result.dual_value, best[m]);
      int64_t score = 0;
      for (size_t i = 0; i < views.size(); ++i) {
        score += CheckedScore(layers[i], peak, result.layers[i]);
      }
      ASSERT_EQ(score, best[m]);
    }
  }
}

TEST(OptimalTest, BlocksAtGivenPenaltiesAreThoseThatSolveCounts) {
  std::mt19937 random(3);
  const TestLayer layers[] = {TestLayer(Kind::kFewValued, 40, 20, 4, &random),
                              TestLayer(Kind::kGaussian, 7, 33, 2, &random)};
  Problem problem({layers[0].view(), layers[1].view()}, *SupportedKernels().front(), 2);
  std::vector<int64_t> groups(problem.num_groups());
  std::iota(groups.begin(), groups.end(), 0);
  for (int trial = 0; trial <= 8; ++trial) {
    int64_t penalties[2];
    for (int i = 0; i < 2; ++i) penalties[i] = (problem.max_score(i) + 1) * trial / 8;
    std::vector<Optimum> optima(groups.size());
    problem.Solve(groups, {penalties}, {optima.data()});
    Optimum expected[2];
    for (size_t i = 0; i < groups.size(); ++i) expected[problem.LayerOf(groups[i])] += optima[i];
    if (trial == 0) {
      EXPECT_EQ(expected[0].count, layers[0].max_blocks());
      EXPECT_EQ(expected[1].count, layers[1].max_blocks());
    }
    const int64_t total = expected[0].count + expected[1].count;
    if (trial == 8) {
      EXPECT_EQ(total, 0);
    }
    std::vector<int64_t> lanes(total + 1), starts(total + 1);
    SelectAt(&problem, penalties, {lanes.data(), starts.data()});
    size_t block = 0;
    for (int i = 0; i < 2; ++i) {
      BlockList blocks;
      for (int64_t k = 0; k < expected[i].count; ++k, ++block) {
        blocks.emplace_back(lanes[block], starts[block]);
      }
      EXPECT_EQ(CheckedScore(layers[i], layers[i].peak(), blocks), expected[i].value);
    }
  }
}

// FNV-1a.
uint64_t HashOf(const BlockList& blocks) {
  uint64_t hash = 14695981039346656037u;
  for (const auto& [lane, start] : blocks) {
    for (const int64_t number : {lane, start}) {
      hash = (hash ^ static_cast<uint64_t>(number)) * 1099511628211u;
    }
  }
  return hash;
}

TEST(OptimalTest, TheSameBlocksOnEveryMachine) {
  std::mt19937 random(4);  // the same everywhere, unlike distributions
  std::vector<float> importance(100 * 64);
  for (float& value : importance) value = static_cast<float>(random() % 1000) / 7;
  const double quanta = ((1 << 29) - 1) / 4.0;
  const Layer layer = {importance.data(), false, 100, 64, 4, 999.0f / 7, quanta};
  for (const Kernels* kernels : SupportedKernels()) {
    Problem problem({layer}, *kernels, 1);
    EXPECT_EQ(HashOf(Select(&problem, 320).layers[0]), 10077106476667379014u) << kernels->name;
  }
}

}  // namespace
}  // namespace selection
}  // namespace ubp
