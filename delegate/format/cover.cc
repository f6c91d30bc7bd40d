// SPDX-License-Identifier: Apache-2.0
#include "delegate/format/cover.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

namespace ubp {
namespace {

constexpr int kLanesPerWord = 64;

// A bit for each of up to 64 lanes.
uint64_t NonzeroBits(const float* values, int count) {
  uint64_t bits = 0;
  for (int i = 0; i < count; ++i) bits |= uint64_t{values[i] != 0.0f} << i;
  return bits;
}

// Calls visit(word, bits) for every 64 lanes: the non-zeros of the row.
template <typename Visit>
void ForEachWord(const float* row, int64_t lanes, const Visit& visit) {
  size_t word = 0;
  for (int64_t first = 0; first < lanes; first += kLanesPerWord, ++word) {
    const int64_t count = std::min<int64_t>(kLanesPerWord, lanes - first);
    visit(word, NonzeroBits(row + first, static_cast<int>(count)));
  }
}

// Covers the lanes with blocks of one size, channel by channel.
class LaneCover {
 public:
  LaneCover(size_t block_size, int64_t lanes)
      : block_size_(block_size),
        covered_((lanes + kLanesPerWord - 1) / kLanesPerWord),
        begun_(covered_.size() * block_size) {}

  // The lanes of a word in which a block begins at the next channel.
  uint64_t Add(size_t channel, size_t word, uint64_t nonzero) {
    // Blocks that began block_size channels ago end before this one.
    uint64_t& begun = begun_[word * block_size_ + (channel & (block_size_ - 1))];
    const uint64_t covered = covered_[word] & ~begun;
    begun = nonzero & ~covered;
    covered_[word] = covered | begun;
    return begun;
  }

 private:
  size_t block_size_;
  std::vector<uint64_t> covered_;  // [words]: lanes whose last block contains the channel
  std::vector<uint64_t> begun_;    // [words][block_size]: lanes in which a block began, by channel
};

struct ShiftedBlock {
  int32_t lane;
  int32_t begun_at;
};

}  // namespace

Cover CoverLanes(const float* weights, int channels, int64_t lanes, int block_size) {
  LaneCover cover(block_size, lanes);
  Cover result;
  result.counts.resize(channels, 0);
  const int last_start = channels - block_size;
  std::vector<ShiftedBlock> last;
  for (int channel = 0; channel < channels; ++channel) {
    const size_t before = result.lanes.size();
    ForEachWord(weights + channel * lanes, lanes, [&](size_t word, uint64_t nonzero) {
      for (uint64_t bits = cover.Add(channel, word, nonzero); bits != 0; bits &= bits - 1) {
        const auto lane = static_cast<int32_t>(word * kLanesPerWord + __builtin_ctzll(bits));
        if (channel < last_start) {
          result.lanes.push_back(lane);
        } else {
          last.push_back({lane, channel});
        }
      }
    });
    result.counts[channel] = static_cast<int32_t>(result.lanes.size() - before);
  }
  // A lane has one of them at most: each reaches to the last channel.
  std::sort(last.begin(), last.end(),
            [](const ShiftedBlock& a, const ShiftedBlock& b) { return a.lane < b.lane; });
  result.counts[last_start] = static_cast<int32_t>(last.size());
  for (const ShiftedBlock& block : last) {
    result.lanes.push_back(block.lane);
    result.begun_at.push_back(block.begun_at);
  }
  return result;
}

CoverCounts CountCover(const float* weights, int channels, int64_t lanes) {
  std::vector<LaneCover> covers;
  for (const int block_size : kBlockSizes) {
    if (block_size <= channels) covers.emplace_back(block_size, lanes);
  }
  CoverCounts counts;
  for (int channel = 0; channel < channels; ++channel) {
    ForEachWord(weights + channel * lanes, lanes, [&](size_t word, uint64_t nonzero) {
      for (size_t i = 0; i < covers.size(); ++i) {
        counts.blocks[i] += __builtin_popcountll(covers[i].Add(channel, word, nonzero));
      }
    });
  }
  return counts;
}

double SampleZeros(const float* weights, int channels, int64_t lanes) {
  // Few enough runs for the page faults of a file just mapped, which are most of the time.
  constexpr int64_t kRuns = 32;
  constexpr int64_t kRunLength = 128;
  const int64_t size = channels * lanes;
  int64_t runs = kRuns;
  int64_t length = kRunLength;
  if (size <= kRuns * kRunLength) {
    runs = 1;
    length = size;
  }
  std::minstd_rand random(1);  // scattered, so that no regular pattern of zeros is missed
  int64_t zeros = 0;
  for (int64_t run = 0; run < runs; ++run) {
    const float* const first = weights + random() % (size - length + 1);
    zeros += std::count(first, first + length, 0.0f);
  }
  return static_cast<double>(zeros) / static_cast<double>(runs * length);
}

}  // namespace ubp
