// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/selection/test_layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ubp {
namespace selection {
namespace {

constexpr int64_t kImpossible = -(int64_t{1} << 60);

float Value(Kind kind, std::mt19937* random) {
  const float gaussian = std::fabs(std::normal_distribution<float>()(*random));
  const int digit = std::uniform_int_distribution<int>(0, 9)(*random);
  switch (kind) {
    case Kind::kGaussian:
      return gaussian;
    case Kind::kFewValued:
      return static_cast<float>(digit % 4);
    case Kind::kBinary:
      return static_cast<float>(digit < 4);
    case Kind::kMostlyZero:
      return digit == 0 ? gaussian : 0.0f;
    case Kind::kHeavyTailed:
      return std::exp(6.0f * gaussian);
    case Kind::kAllZero:
      return 0.0f;
    case Kind::kAllEqual:
      return 0.3f;
  }
  return 0.0f;
}

}  // namespace

std::vector<const Kernels*> SupportedKernels() {
  std::vector<const Kernels*> supported;
  for (const Kernels* const* each = AllKernels(); *each != nullptr; ++each) {
    if ((*each)->supported()) supported.push_back(*each);
  }
  return supported;
}

TestLayer::TestLayer(Kind kind, int64_t lanes, int64_t channels, int64_t block_size,
                     std::mt19937* random)
    : lanes_(lanes), channels_(channels), block_size_(block_size), importance_(lanes * channels) {
  for (float& value : importance_) value = Value(kind, random);
}

double TestLayer::peak() const {
  const double peak = *std::max_element(importance_.begin(), importance_.end());
  return peak > 0 ? peak : 1;
}

Layer TestLayer::view(double peak) const {
  const double quanta = ((1 << 29) - 1) / static_cast<double>(block_size_);
  return {importance_.data(), false, lanes_, channels_, block_size_, peak, quanta};
}

std::vector<int64_t> TestLayer::Elements(int64_t lane, double peak) const {
  std::vector<int64_t> elements;
  for (int64_t c = 0; c < channels_; ++c) {
    const double value = importance_[lane * channels_ + c];
    elements.push_back(std::llrint(value / peak * view(peak).quanta));
  }
  return elements;
}

int64_t ScoreOf(const std::vector<int64_t>& elements, int64_t start, int64_t block_size) {
  return std::accumulate(elements.begin() + start, elements.begin() + start + block_size,
                         int64_t{0});
}

std::vector<int64_t> BestOfLane(const std::vector<int64_t>& elements, int64_t block_size) {
  const int64_t channels = static_cast<int64_t>(elements.size());
  const int64_t most = channels / block_size;
  std::vector<std::vector<int64_t>> best(channels + 1, std::vector<int64_t>(most + 1, kImpossible));
  for (int64_t end = 0; end <= channels; ++end) {
    best[end][0] = 0;
    for (int64_t m = 1; m <= most; ++m) {
      if (end > 0) best[end][m] = best[end - 1][m];
      if (end < block_size) continue;
      const int64_t start = end - block_size;
      best[end][m] =
          std::max(best[end][m], best[start][m - 1] + ScoreOf(elements, start, block_size));
    }
  }
  return best[channels];
}

std::vector<int64_t> Join(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  std::vector<int64_t> best(a.size() + b.size() - 1, kImpossible);
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) best[i + j] = std::max(best[i + j], a[i] + b[j]);
  }
  return best;
}

std::vector<int64_t> BestOf(const TestLayer& layer, double peak) {
  const Layer view = layer.view(peak);
  std::vector<int64_t> best = {0};
  for (int64_t lane = 0; lane < view.lanes; ++lane) {
    best = Join(best, BestOfLane(layer.Elements(lane, peak), view.block_size));
  }
  return best;
}

int64_t CheckedScore(const TestLayer& layer, double peak, const BlockList& blocks) {
  const Layer view = layer.view(peak);
  int64_t score = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto [lane, start] = blocks[i];
    if (lane < 0 || lane >= view.lanes || start < 0 || start >= view.starts()) {
      ADD_FAILURE() << "no block starts at channel " << start << " of lane " << lane;
      return -1;
    }
    score += ScoreOf(layer.Elements(lane, peak), start, view.block_size);
    if (i == 0 || blocks[i - 1].first < lane) continue;
    EXPECT_EQ(blocks[i - 1].first, lane);
    EXPECT_GE(start, blocks[i - 1].second + view.block_size);
  }
  return score;
}

}  // namespace selection
}  // namespace ubp
