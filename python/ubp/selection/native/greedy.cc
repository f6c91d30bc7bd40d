// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/greedy.h"

#include <algorithm>
#include <vector>

#include "python/ubp/selection/native/lane_list.h"
#include "python/ubp/selection/native/top.h"

namespace ubp {
namespace selection {
namespace {

constexpr int32_t kNobody = INT32_MAX;

enum class Method { kGreedy, kBed };

// [lanes, channels]: 1 where a weight is in a block, 0 elsewhere.
using Mask = std::vector<uint8_t>;

// What each lane takes, block after block, as long as a block gains enough.
struct Sequences {
  std::vector<std::vector<int32_t>> gains;  // [lanes], each never increasing
  std::vector<int32_t>
      rank;  // [lanes, channels]: the number of the block that takes it, or kNobody

  int64_t count() const {
    int64_t count = 0;
    for (const std::vector<int32_t>& lane : gains) count += static_cast<int64_t>(lane.size());
    return count;
  }
};

// Weights that are taken already are left out.
Sequences TakeFrom(Problem* problem, Method method, const Mask& taken, int32_t least_gain) {
  const Layer& layer = problem->layers().front();
  Sequences sequences;
  sequences.gains.resize(layer.lanes);
  sequences.rank.assign(layer.lanes * layer.channels, kNobody);
  const int threads = problem->pool().threads();
  std::vector<LaneList> lists(threads, LaneList(layer.channels, layer.block_size));
  std::vector<std::vector<int32_t>> elements(threads, std::vector<int32_t>(layer.channels));
  problem->pool().Run(static_cast<int>(layer.lanes), [&](int lane, int thread) {
    LaneList& list = lists[thread];
    layer.Quantise(problem->kernels(), lane, elements[thread].data());
    list.Reset(elements[thread].data(), taken.data() + lane * layer.channels);
    std::vector<int32_t>& gains = sequences.gains[lane];
    int32_t* const rank = sequences.rank.data() + lane * layer.channels;
    for (LaneList::Block best = list.Best(); best.score >= least_gain; best = list.Best()) {
      const int32_t* const channels =
          method == Method::kBed ? list.TakeExpanding(best) : list.TakeExcluding(best);
      for (int64_t i = 0; i < layer.block_size; ++i) {
        rank[channels[i]] = static_cast<int32_t>(gains.size());
      }
      gains.push_back(best.score);
    }
  });
  return sequences;
}

// The same with as low a limit as num_blocks blocks need, if so many can be taken.
Sequences TakeAtLeast(Problem* problem, Method method, const Mask& taken, int64_t num_blocks,
                      int64_t penalty) {
  for (const int64_t limit : {penalty - penalty / 16, penalty / 2}) {
    if (limit == 0) break;
    Sequences sequences = TakeFrom(problem, method, taken, static_cast<int32_t>(limit));
    if (sequences.count() >= num_blocks) return sequences;
  }
  return TakeFrom(problem, method, taken, 0);
}

// Marks the weights in blocks of the `num_blocks` largest gains; of equals, those of the first lanes.
void KeepBest(const Sequences& sequences, const Layer& layer, int64_t num_blocks, Mask* taken) {
  std::vector<int32_t> all_gains;
  all_gains.reserve(sequences.count());
  for (const std::vector<int32_t>& gains : sequences.gains) {
    all_gains.insert(all_gains.end(), gains.begin(), gains.end());
  }
  auto [threshold, ties] = FindThreshold(all_gains, num_blocks);
  const int32_t* rank = sequences.rank.data();
  uint8_t* mark = taken->data();
  for (const std::vector<int32_t>& gains : sequences.gains) {
    int32_t kept = 0;
    for (const int32_t gain : gains) {
      if (gain < threshold || (gain == threshold && ties-- <= 0)) break;
      ++kept;
    }
    for (int64_t c = 0; c < layer.channels; ++c) *mark++ |= *rank++ < kept;
  }
}

// Cuts the regions taken, each a multiple of N channels long, into blocks from the left.
void Divide(const Mask& taken, const Layer& layer, const Blocks& blocks) {
  int64_t index = 0;
  const uint8_t* mark = taken.data();
  for (int64_t lane = 0; lane < layer.lanes; ++lane) {
    int64_t place = 0;
    for (int64_t c = 0; c < layer.channels; ++c) {
      if (*mark++ == 0) continue;
      if (place == 0) blocks.Put(index++, lane, c);
      place = place + 1 == layer.block_size ? 0 : place + 1;
    }
  }
}

void Select(Problem* problem, Method method, int64_t num_blocks, int64_t penalty,
            const Blocks& blocks) {
  const Layer& layer = problem->layers().front();
  Mask taken(layer.lanes * layer.channels);
  const Sequences sequences = TakeAtLeast(problem, method, taken, num_blocks, penalty);
  const int64_t found = std::min(num_blocks, sequences.count());
  KeepBest(sequences, layer, found, &taken);
  if (found < num_blocks) {  // the gaps that greedy blocks leave are filled by expansion
    KeepBest(TakeFrom(problem, Method::kBed, taken, 0), layer, num_blocks - found, &taken);
  }
  Divide(taken, layer, blocks);
}

}  // namespace

void SelectGreedy(Problem* problem, int64_t num_blocks, int64_t penalty, const Blocks& blocks) {
  Select(problem, Method::kGreedy, num_blocks, penalty, blocks);
}

void SelectBed(Problem* problem, int64_t num_blocks, int64_t penalty, const Blocks& blocks) {
  Select(problem, Method::kBed, num_blocks, penalty, blocks);
}

}  // namespace selection
}  // namespace ubp
