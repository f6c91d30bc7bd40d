// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/lane_list.h"

#include <algorithm>
#include <numeric>

namespace ubp {
namespace selection {
namespace {

constexpr int32_t kAbsent = -1;
constexpr int32_t kChunk = 64;  // slots

}  // namespace

LaneList::LaneList(int64_t channels, int64_t block_size)
    : channels_(static_cast<int32_t>(channels)),
      block_size_(static_cast<int32_t>(block_size)),
      scores_((channels + 2 + kChunk - 1) / kChunk * kChunk),
      following_(channels + 2),
      preceding_(channels + 2),
      largest_(scores_.size() / kChunk),
      stale_(largest_.size()),
      taken_(block_size) {}

void LaneList::Reset(const int32_t* elements, const uint8_t* taken) {
  std::fill(scores_.begin(), scores_.end(), kAbsent);
  const int32_t end = channels_ + 1;
  int32_t last = 0;  // slot of the list's last channel so far
  for (int32_t slot = 1; slot <= channels_; ++slot) {
    if (taken[slot - 1]) continue;
    following_[last] = slot;
    preceding_[slot] = last;
    last = slot;
  }
  following_[last] = end;
  preceding_[end] = last;
  preceding_[0] = 0;
  following_[end] = end;

  int32_t sum = 0, length = 0, first = following_[0];
  for (int32_t slot = first; slot != end; slot = following_[slot]) {
    sum += elements[slot - 1];
    if (++length < block_size_) continue;
    scores_[first] = sum;
    sum -= elements[first - 1];
    first = following_[first];
  }
  std::fill(stale_.begin(), stale_.end(), 0);
  for (size_t chunk = 0; chunk < largest_.size(); ++chunk) FindLargestOf(chunk);
}

void LaneList::FindLargestOf(int32_t chunk) {
  const int32_t* const scores = scores_.data() + chunk * kChunk;
  int32_t largest = kAbsent;
  for (int32_t i = 0; i < kChunk; ++i) largest = scores[i] > largest ? scores[i] : largest;
  largest_[chunk] = largest;
  stale_[chunk] = 0;
}

LaneList::Block LaneList::Best() {
  // Scores never increase, so a stale chunk has no more than it says.
  int32_t chunk;
  do {
    chunk =
        static_cast<int32_t>(std::max_element(largest_.begin(), largest_.end()) - largest_.begin());
    if (!stale_[chunk]) break;
    FindLargestOf(chunk);
  } while (true);
  const auto begin = scores_.begin() + chunk * kChunk;
  const auto best = std::find(begin, begin + kChunk, largest_[chunk]);
  return {largest_[chunk], static_cast<int32_t>(best - scores_.begin()) - 1};
}

void LaneList::SetScore(int32_t slot, int32_t score) {
  scores_[slot] = score;
  stale_[slot / kChunk] = 1;
}

const int32_t* LaneList::TakeExpanding(Block block) {
  int32_t slot = block.first + 1;
  for (int32_t& taken : taken_) {
    taken = slot;
    slot = following_[slot];
  }
  const int32_t left_end = preceding_[taken_.front()], right_end = slot;
  // The candidate n before the block's first is the n elements before it and N - n after it.
  int32_t before = taken_.front();
  for (int32_t i = block_size_ - 1; i > 0; --i) {
    before = preceding_[before];
    const int32_t left = scores_[before], right = scores_[taken_[i]];
    const bool exists = left != kAbsent && right != kAbsent;
    SetScore(before, exists ? left + right - block.score : kAbsent);
  }
  for (int32_t& taken : taken_) {
    SetScore(taken, kAbsent);
    --taken;  // the channel
  }
  following_[left_end] = right_end;
  preceding_[right_end] = left_end;
  return taken_.data();
}

const int32_t* LaneList::TakeExcluding(Block block) {
  const int32_t first = std::max(0, block.first - block_size_ + 1);
  const int32_t last = std::min(channels_, block.first + block_size_) - 1;
  for (int32_t channel = first; channel <= last; ++channel) SetScore(channel + 1, kAbsent);
  std::iota(taken_.begin(), taken_.end(), block.first);
  return taken_.data();
}

}  // namespace selection
}  // namespace ubp
