// SPDX-License-Identifier: Apache-2.0
// Layers prepared for the kernels: every lane's block scores, interleaved by groups of lanes.
//
// The groups of all layers are numbered in one sequence, layer after layer. Penalties are int64
// [layers] in units of quantised scores, each from 0 to max_score(layer) + 1: a penalty of 0 packs
// a layer full, the largest leaves it empty.
#ifndef UBP_SELECTION_NATIVE_PROBLEM_H_
#define UBP_SELECTION_NATIVE_PROBLEM_H_

#include <cstdint>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/base/thread_pool.h"
#include "python/ubp/selection/native/kernels.h"
#include "python/ubp/selection/native/layer.h"

namespace ubp {
namespace selection {

// The best blocks of some lanes at one penalty; of equals, those with the most blocks.
struct Optimum {
  int64_t count = 0;
  int64_t value = 0;  // quantised score, penalties not subtracted

  Optimum& operator+=(const Optimum& other) {
    count += other.count;
    value += other.value;
    return *this;
  }
};

// Thread-compatible: calls from several threads must take turns.
class Problem {
 public:
  // `threads` includes the caller's; at least 1.
  Problem(std::vector<Layer> layers, const Kernels& kernels, int threads);

  const std::vector<Layer>& layers() const { return layers_; }
  const Kernels& kernels() const { return kernels_; }
  ThreadPool& pool() { return pool_; }

  int64_t num_groups() const { return static_cast<int64_t>(groups_.size()); }
  int LayerOf(int64_t group) const { return groups_[group].layer; }
  // The lanes of the group are the `num_lanes` ones of its layer from the first on.
  int64_t FirstLane(int64_t group) const { return groups_[group].first_lane; }
  int NumLanes(int64_t group) const { return groups_[group].num_lanes; }
  // The most blocks that fit the group's lanes.
  int64_t Packable(int64_t group) const;
  // The best block's score.
  int64_t max_score(int layer) const { return max_scores_[layer]; }

  // Solves some groups at 1 or 2 vectors of penalties: results[p][i] is of groups[i].
  void Solve(const std::vector<int64_t>& groups, const std::vector<const int64_t*>& penalties,
             const std::vector<Optimum*>& results);

  // Writes the blocks of an optimum of one group as TraceArgs::words; `thread` is the pool's.
  void Trace(int64_t group, int64_t penalty, int thread, int32_t* words) const;

  // Words of a lane, at least 1.
  int64_t NumWords(int64_t group) const;

 private:
  struct Group {
    int layer;
    int num_lanes;
    int64_t first_lane;
    int32_t* scores;  // [starts][width], see kernels.h
  };

  void Interleave(int64_t group, int thread, int32_t* max_score) const;

  const std::vector<Layer> layers_;
  const Kernels& kernels_;
  ThreadPool pool_;
  std::vector<AlignedArray<int32_t>> scores_;   // per layer
  std::vector<AlignedArray<int32_t>> scratch_;  // per thread
  std::vector<Group> groups_;
  std::vector<int64_t> max_scores_;  // per layer
};

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_PROBLEM_H_
