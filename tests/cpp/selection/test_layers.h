// SPDX-License-Identifier: Apache-2.0
// Layers of random importance, and slow and obvious counterparts of what selection computes.
#ifndef UBP_TESTS_CPP_SELECTION_TEST_LAYERS_H_
#define UBP_TESTS_CPP_SELECTION_TEST_LAYERS_H_

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "python/ubp/selection/native/kernels.h"
#include "python/ubp/selection/native/layer.h"

namespace ubp {
namespace selection {

// The families that this processor can run.
std::vector<const Kernels*> SupportedKernels();

enum class Kind { kGaussian, kFewValued, kBinary, kMostlyZero, kHeavyTailed, kAllZero, kAllEqual };
inline constexpr Kind kKinds[] = {Kind::kGaussian,   Kind::kFewValued,   Kind::kBinary,
                                  Kind::kMostlyZero, Kind::kHeavyTailed, Kind::kAllZero,
                                  Kind::kAllEqual};

// Owns the importance of a layer.
class TestLayer {
 public:
  TestLayer(Kind kind, int64_t lanes, int64_t channels, int64_t block_size, std::mt19937* random);

  // Its largest value becomes `peak`; by default the layer's own.
  Layer view() const { return view(peak()); }
  Layer view(double peak) const;
  double peak() const;

  int64_t max_blocks() const { return lanes_ * (channels_ / block_size_); }
  std::vector<int64_t> Elements(int64_t lane, double peak) const;

 private:
  int64_t lanes_, channels_, block_size_;
  std::vector<float> importance_;
};

using BlockList = std::vector<std::pair<int64_t, int64_t>>;  // lane, start

// The score of the block at `start`.
int64_t ScoreOf(const std::vector<int64_t>& elements, int64_t start, int64_t block_size);

// best[m]: the largest score of exactly m blocks in a lane, by an O(n m) dynamic programme.
std::vector<int64_t> BestOfLane(const std::vector<int64_t>& elements, int64_t block_size);

// best[m] of two independent parts together; nothing is assumed about their shapes.
std::vector<int64_t> Join(const std::vector<int64_t>& a, const std::vector<int64_t>& b);

// best[m] of a layer.
std::vector<int64_t> BestOf(const TestLayer& layer, double peak);

// The total score, checking that blocks are sorted, inside their lanes, and do not overlap.
int64_t CheckedScore(const TestLayer& layer, double peak, const BlockList& blocks);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_TESTS_CPP_SELECTION_TEST_LAYERS_H_
