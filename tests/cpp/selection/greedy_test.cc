// SPDX-License-Identifier: Apache-2.0
// Aligned blocks and the greedy methods against their definitions.

#include "python/ubp/selection/native/greedy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <tuple>
#include <vector>

#include "python/ubp/selection/native/aligned.h"
#include "python/ubp/selection/native/problem.h"
#include "tests/cpp/selection/test_layers.h"

namespace ubp {
namespace selection {
namespace {

using Candidate = std::tuple<int64_t, int64_t, int64_t>;  // -score, lane, place on the lane's list

// The layer's lanes as lists of (channel, element).
class Lists {
 public:
  explicit Lists(const TestLayer& layer) : n_(layer.view().block_size) {
    for (int64_t lane = 0; lane < layer.view().lanes; ++lane) {
      elements_.push_back(layer.Elements(lane, layer.peak()));
      channels_.emplace_back(elements_.back().size());
      std::iota(channels_.back().begin(), channels_.back().end(), 0);
    }
  }

  std::vector<Candidate> Candidates() const {
    std::vector<Candidate> candidates;
    for (size_t lane = 0; lane < channels_.size(); ++lane) {
      for (int64_t k = 0; k + n_ <= static_cast<int64_t>(channels_[lane].size()); ++k) {
        int64_t score = 0;
        for (int64_t i = k; i < k + n_; ++i) score += elements_[lane][channels_[lane][i]];
        candidates.emplace_back(-score, lane, k);
      }
    }
    return candidates;
  }

  // Takes a block off its list; returns its channels.
  std::vector<int64_t> Take(const Candidate& block) {
    auto& list = channels_[std::get<1>(block)];
    const auto first = list.begin() + std::get<2>(block);
    const std::vector<int64_t> taken(first, first + n_);
    list.erase(first, first + n_);
    return taken;
  }

 private:
  int64_t n_;
  std::vector<std::vector<int64_t>> elements_, channels_;
};

BlockList Divide(const std::vector<std::vector<bool>>& taken, int64_t n) {
  BlockList blocks;
  for (size_t lane = 0; lane < taken.size(); ++lane) {
    int64_t count = 0;
    for (size_t c = 0; c < taken[lane].size(); ++c) {
      if (taken[lane][c] && count++ % n == 0) blocks.emplace_back(lane, c);
    }
  }
  return blocks;
}

// Block expansion and division by its definition: scores are summed afresh from the lists.
BlockList BedByDefinition(const TestLayer& layer, int64_t num_blocks) {
  const Layer view = layer.view();
  Lists lists(layer);
  std::vector<std::vector<bool>> taken(view.lanes, std::vector<bool>(view.channels));
  for (int64_t i = 0; i < num_blocks; ++i) {
    const std::vector<Candidate> candidates = lists.Candidates();
    const Candidate best = *std::min_element(candidates.begin(), candidates.end());
    for (const int64_t channel : lists.Take(best)) taken[std::get<1>(best)][channel] = true;
  }
  return Divide(taken, view.block_size);
}

// Every block that the greedy method can take, in its order.
BlockList GreedyByDefinition(const TestLayer& layer) {
  std::vector<Candidate> candidates = Lists(layer).Candidates();
  std::sort(candidates.begin(), candidates.end());
  BlockList taken;
  for (const auto& [score, lane, start] : candidates) {
    const bool free = std::none_of(taken.begin(), taken.end(), [&](const auto& block) {
      return block.first == lane && std::abs(block.second - start) < layer.view().block_size;
    });
    if (free) taken.emplace_back(lane, start);
  }
  return taken;
}

using Method = void (*)(Problem*, int64_t, const Blocks&);

BlockList SelectWith(const TestLayer& layer, int64_t num_blocks, int threads,
                     const Method& method) {
  Problem problem({layer.view()}, *SupportedKernels().front(), threads);
  std::vector<int64_t> lanes(num_blocks), starts(num_blocks);
  method(&problem, num_blocks, {lanes.data(), starts.data()});
  BlockList blocks;
  for (int64_t i = 0; i < num_blocks; ++i) blocks.emplace_back(lanes[i], starts[i]);
  CheckedScore(layer, layer.peak(), blocks);
  return blocks;
}

// Starting threads takes long under sanitizers: they are started for some m only.
int ThreadsFor(int64_t num_blocks) { return num_blocks % 5 == 1 ? 3 : 1; }

// The penalty is a hint: a wrong one changes nothing.
template <int64_t kPenalty>
void Bed(Problem* problem, int64_t num_blocks, const Blocks& blocks) {
  SelectBed(problem, num_blocks, kPenalty, blocks);
}
template <int64_t kPenalty>
void Greedy(Problem* problem, int64_t num_blocks, const Blocks& blocks) {
  SelectGreedy(problem, num_blocks, kPenalty, blocks);
}

std::vector<TestLayer> Layers() {
  std::mt19937 random(1);
  std::vector<TestLayer> layers;
  for (const Kind kind : kKinds) {
    for (const int64_t block_size : {1, 2, 3, 4, 5}) {
      const int64_t channels = std::uniform_int_distribution<int64_t>(block_size, 19)(random);
      layers.emplace_back(kind, 4, channels, block_size, &random);
    }
  }
  return layers;
}

TEST(GreedyTest, BedEqualsItsDefinition) {
  for (const TestLayer& layer : Layers()) {
    for (int64_t m = 1; m <= layer.max_blocks(); ++m) {
      const BlockList expected = BedByDefinition(layer, m);
      ASSERT_EQ(SelectWith(layer, m, 1, &Bed<0>), expected);
      ASSERT_EQ(SelectWith(layer, m, ThreadsFor(m), &Bed<200000000>), expected);
    }
  }
}

TEST(GreedyTest, GreedyTakesTheBestFreeBlockAndFillsUpByExpansion) {
  for (const TestLayer& layer : Layers()) {
    const BlockList order = GreedyByDefinition(layer);
    for (int64_t m = 1; m <= layer.max_blocks(); ++m) {
      const BlockList blocks = SelectWith(layer, m, 1, &Greedy<0>);
      ASSERT_EQ(SelectWith(layer, m, ThreadsFor(m), &Greedy<200000000>), blocks);
      if (m > static_cast<int64_t>(order.size())) continue;  // CheckedScore has found m blocks
      BlockList expected(order.begin(), order.begin() + m);
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(blocks, expected);
    }
  }
}

TEST(GreedyTest, AlignedTakesTheBestAlignedBlocks) {
  for (const TestLayer& layer : Layers()) {
    std::vector<Candidate> candidates = Lists(layer).Candidates();
    const int64_t n = layer.view().block_size;
    const auto unaligned = [&](const Candidate& block) { return std::get<2>(block) % n != 0; };
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(), unaligned),
                     candidates.end());
    std::sort(candidates.begin(), candidates.end());
    for (int64_t m = 1; m <= layer.max_blocks(); ++m) {
      BlockList expected;
      for (int64_t i = 0; i < m; ++i) {
        expected.emplace_back(std::get<1>(candidates[i]), std::get<2>(candidates[i]));
      }
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(SelectWith(layer, m, ThreadsFor(m), &SelectAligned), expected);
    }
  }
}

TEST(GreedyTest, LanesOfManyChunks) {
  std::mt19937 random(2);
  for (const Kind kind : {Kind::kGaussian, Kind::kFewValued}) {
    const TestLayer layer(kind, 1, 300, 4, &random);
    for (const int64_t m : {1, 7, 40, 70, 75}) {
      ASSERT_EQ(SelectWith(layer, m, 1, &Bed<0>), BedByDefinition(layer, m));
    }
  }
}

}  // namespace
}  // namespace selection
}  // namespace ubp
