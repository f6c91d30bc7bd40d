// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/optimal.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace ubp {
namespace selection {
namespace {

// The starts of one lane's blocks, from the words of its group.
std::vector<int64_t> StartsOf(const int32_t* words, int64_t num_words, int width, int lane) {
  std::vector<int64_t> starts;
  for (int64_t w = 0; w < num_words; ++w) {
    for (uint32_t word = words[w * width + lane]; word != 0; word &= word - 1) {
      starts.push_back(w * kWordStarts + __builtin_ctz(word));
    }
  }
  return starts;
}

// `most` before the first clean cut up to which it has `surplus` blocks more, `fewest` after it: a
// place that no block straddles. Both are one lane's sorted starts.
std::vector<int64_t> SpliceLane(const std::vector<int64_t>& most,
                                const std::vector<int64_t>& fewest, int64_t surplus,
                                int64_t block_size) {
  size_t b = 0, a = 0;
  int64_t found = 0;
  while (b < most.size() || a < fewest.size()) {
    const bool take_most = a == fewest.size() || (b < most.size() && most[b] <= fewest[a]);
    const int64_t start = take_most ? most[b++] : fewest[a++];
    found += take_most ? 1 : -1;
    const bool clean = (b == most.size() || most[b] >= start + block_size) &&
                       (a == fewest.size() || fewest[a] >= start + block_size);
    if (clean && found == surplus) break;
  }
  std::vector<int64_t> starts(most.begin(), most.begin() + b);
  starts.insert(starts.end(), fewest.begin() + a, fewest.end());
  return starts;
}

// Traces groups, each thread in memory of its own, and writes their blocks.
class Writer {
 public:
  Writer(Problem* problem, const Blocks& blocks) : problem_(*problem), blocks_(blocks) {
    int64_t words = 0;
    for (int64_t group = 0; group < problem_.num_groups(); ++group) {
      words = std::max(words, problem_.NumWords(group));
    }
    words_size_ = words * problem_.kernels().width;
    for (int thread = 0; thread < problem_.pool().threads(); ++thread) {
      words_.emplace_back(2 * words_size_);
    }
  }

  // The group's best blocks at a penalty, from index `first` on.
  void Write(int64_t group, int64_t penalty, int64_t first, int thread) const {
    int32_t* const words = words_[thread].data();
    problem_.Trace(group, penalty, thread, words);
    const int64_t num_words = problem_.NumWords(group);
    const int width = problem_.kernels().width;
    for (int i = 0; i < problem_.NumLanes(group); ++i) {
      const int64_t lane = problem_.FirstLane(group) + i;
      for (int64_t w = 0; w < num_words; ++w) {
        for (uint32_t word = words[w * width + i]; word != 0; word &= word - 1) {
          blocks_.Put(first++, lane, w * kWordStarts + __builtin_ctz(word));
        }
      }
    }
  }

  // The best at `penalty` as long as `surplus` more blocks than at penalty + 1 are missing, then
  // those at penalty + 1.
  void WriteSpliced(int64_t group, int64_t penalty, int64_t surplus, int64_t first,
                    int thread) const {
    int32_t* const most_words = words_[thread].data();
    int32_t* const fewest_words = most_words + words_size_;
    problem_.Trace(group, penalty, thread, most_words);
    problem_.Trace(group, penalty + 1, thread, fewest_words);
    const int64_t num_words = problem_.NumWords(group);
    const int width = problem_.kernels().width;
    const int64_t block_size = problem_.layers()[problem_.LayerOf(group)].block_size;
    for (int i = 0; i < problem_.NumLanes(group); ++i) {
      const std::vector<int64_t> most = StartsOf(most_words, num_words, width, i);
      const std::vector<int64_t> fewest = StartsOf(fewest_words, num_words, width, i);
      const int64_t here =
          std::min<int64_t>(surplus, static_cast<int64_t>(most.size() - fewest.size()));
      const std::vector<int64_t> starts =
          surplus == 0 ? fewest : SpliceLane(most, fewest, here, block_size);
      surplus -= here;
      for (const int64_t start : starts) {
        blocks_.Put(first++, problem_.FirstLane(group) + i, start);
      }
    }
  }

 private:
  Problem& problem_;
  const Blocks& blocks_;
  int64_t words_size_;                        // elements of a group's words, at most
  std::vector<AlignedArray<int32_t>> words_;  // per thread, for two traces
};

int64_t Total(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

// The index of each group's first block.
std::vector<int64_t> Offsets(const std::vector<int64_t>& counts) {
  std::vector<int64_t> offsets(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), offsets.begin(), int64_t{0});
  return offsets;
}

// The blocks of each group: as many of dual.most as it takes, in the order of the groups.
std::vector<int64_t> CountsOf(const Dual& dual, int64_t num_blocks) {
  if (Total(dual.most) == num_blocks) return dual.most;
  std::vector<int64_t> counts = dual.fewest;
  int64_t missing = num_blocks - Total(counts);
  for (size_t group = 0; group < counts.size(); ++group) {
    const int64_t more = std::min(missing, dual.most[group] - counts[group]);
    counts[group] += more;
    missing -= more;
  }
  return counts;
}

}  // namespace

std::vector<int64_t> SelectOptimal(Problem* problem, const Dual& dual, int64_t num_blocks,
                                   const Blocks& blocks) {
  const std::vector<int64_t> counts = CountsOf(dual, num_blocks);
  const std::vector<int64_t> offsets = Offsets(counts);
  const Writer writer(problem, blocks);
  problem->pool().Run(static_cast<int>(counts.size()), [&](int group, int thread) {
    const int64_t first = offsets[group], surplus = counts[group] - dual.fewest[group];
    if (counts[group] == dual.most[group]) {
      writer.Write(group, dual.penalty, first, thread);
    } else if (surplus == 0) {
      writer.Write(group, dual.penalty + 1, first, thread);
    } else {
      writer.WriteSpliced(group, dual.penalty, surplus, first, thread);
    }
  });
  return counts;
}

void SelectAt(Problem* problem, const int64_t* penalties, const Blocks& blocks) {
  std::vector<int64_t> groups(problem->num_groups()), counts(problem->num_groups());
  std::iota(groups.begin(), groups.end(), 0);
  std::vector<Optimum> optima(groups.size());
  problem->Solve(groups, {penalties}, {optima.data()});
  std::transform(optima.begin(), optima.end(), counts.begin(),
                 [](const Optimum& optimum) { return optimum.count; });
  const std::vector<int64_t> offsets = Offsets(counts);
  const Writer writer(problem, blocks);
  problem->pool().Run(static_cast<int>(groups.size()), [&](int group, int thread) {
    writer.Write(group, penalties[problem->LayerOf(group)], offsets[group], thread);
  });
}

}  // namespace selection
}  // namespace ubp
