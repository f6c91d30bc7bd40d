// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

#include "python/bench/selection/peers.h"

namespace {

constexpr int32_t kAbsent = -1;
constexpr int kSlotBits = 34;
constexpr uint64_t kSlotMask = (uint64_t{1} << kSlotBits) - 1;

// All lanes' lists of elements that are not taken. Lane l owns slots l * (channels + 2) .., the
// first and last of which are its list's ends.
class HeapBed {
 public:
  HeapBed(const int32_t* elements, int64_t lanes, int64_t channels, int64_t block_size)
      : width_(channels + 2),
        block_(block_size),
        scores_(lanes * width_, kAbsent),
        following_(lanes * width_),
        preceding_(lanes * width_) {
    std::vector<uint64_t> entries;
    entries.reserve(lanes * channels);
    for (int64_t slot = 0; slot < lanes * width_; ++slot) {
      following_[slot] = slot + 1;
      preceding_[slot] = slot - 1;
    }
    for (int64_t lane = 0; lane < lanes; ++lane, elements += channels) {
      preceding_[lane * width_] = lane * width_;
      following_[(lane + 1) * width_ - 1] = (lane + 1) * width_ - 1;
      int32_t sum = 0;
      for (int64_t c = 0; c < channels; ++c) {
        sum += elements[c];
        if (c + 1 < block_size) continue;
        const int64_t first = c + 1 - block_size, slot = lane * width_ + 1 + first;
        scores_[slot] = sum;
        entries.push_back(Entry(sum, slot));
        sum -= elements[first];
      }
    }
    heap_ = std::priority_queue<uint64_t>(std::less<uint64_t>(), std::move(entries));
  }

  // Takes the best block; returns the slots of its elements.
  const std::vector<int64_t>& Take() {
    int64_t slot;
    int32_t gain;
    do {  // entries whose score has changed since are passed over
      slot = static_cast<int64_t>(kSlotMask - (heap_.top() & kSlotMask));
      gain = static_cast<int32_t>(heap_.top() >> kSlotBits);
      heap_.pop();
    } while (scores_[slot] != gain);
    for (int64_t& taken : block_) {
      taken = slot;
      slot = following_[slot];
    }
    const int64_t left_end = preceding_[block_.front()], right_end = slot;
    int64_t before = block_.front();
    for (size_t i = block_.size() - 1; i > 0; --i) {
      before = preceding_[before];
      const int32_t left = scores_[before], right = scores_[block_[i]];
      const bool exists = left != kAbsent && right != kAbsent;
      scores_[before] = exists ? left + right - gain : kAbsent;
      if (exists && right != gain) heap_.push(Entry(scores_[before], before));
    }
    for (const int64_t taken : block_) scores_[taken] = kAbsent;
    following_[left_end] = right_end;
    preceding_[right_end] = left_end;
    return block_;
  }

  int64_t ElementOf(int64_t slot) const { return slot / width_ * (width_ - 2) + slot % width_ - 1; }

 private:
  // The largest entry has the best score and, of equals, the first slot.
  static uint64_t Entry(int32_t score, int64_t slot) {
    return static_cast<uint64_t>(score) << kSlotBits | (kSlotMask - static_cast<uint64_t>(slot));
  }

  const int64_t width_;
  std::vector<int64_t> block_;
  std::vector<int32_t> scores_;  // of the block that starts at a slot
  std::vector<int64_t> following_, preceding_;
  std::priority_queue<uint64_t> heap_;
};

}  // namespace

void ubp_heap_bed(const int32_t* elements, int64_t lanes, int64_t channels, int64_t block_size,
                  int64_t num_blocks, uint8_t* taken) {
  HeapBed bed(elements, lanes, channels, block_size);
  std::fill_n(taken, lanes * channels, uint8_t{0});
  for (int64_t i = 0; i < num_blocks; ++i) {
    for (const int64_t slot : bed.Take()) taken[bed.ElementOf(slot)] = 1;
  }
}
