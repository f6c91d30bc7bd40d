// SPDX-License-Identifier: Apache-2.0
// One lane's candidate blocks, from which the best is taken again and again.
//
// Greedy methods differ in what taking a block leaves: ubp/selection/layer/greedy.py and bed.py.
#ifndef UBP_SELECTION_NATIVE_LANE_LIST_H_
#define UBP_SELECTION_NATIVE_LANE_LIST_H_

#include <cstdint>
#include <vector>

namespace ubp {
namespace selection {

// The list of a lane's channels that are not taken; a block is N neighbours on the list.
class LaneList {
 public:
  LaneList(int64_t channels, int64_t block_size);

  // Starts afresh with the elements [channels]; where `taken` [channels] is not 0 they are left out.
  void Reset(const int32_t* elements, const uint8_t* taken);

  struct Block {
    int32_t score;  // negative: there is no block left
    int32_t first;  // its first channel
  };
  // The best block; of equals, the first on the list.
  Block Best();

  // Block expansion: takes a block off the list, so that those on its sides become neighbours. It
  // has to be the best. Returns its channels [N], valid until the next call.
  const int32_t* TakeExpanding(Block block);

  // Greedy: no block that overlaps this one is a candidate from now on. Returns likewise.
  const int32_t* TakeExcluding(Block block);

 private:
  void SetScore(int32_t slot, int32_t score);
  void FindLargestOf(int32_t chunk);

  const int32_t channels_;
  const int32_t block_size_;
  // Slot 0 and slot channels + 1 are the list's ends; channel c has slot c + 1.
  std::vector<int32_t> scores_;     // per slot: of the block that starts there; negative: none
  std::vector<int32_t> following_;  // per slot
  std::vector<int32_t> preceding_;
  // Per chunk of slots: at least the largest score in it; exactly that where not stale.
  std::vector<int32_t> largest_;
  std::vector<uint8_t> stale_;
  std::vector<int32_t> taken_;  // [N]
};

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_LANE_LIST_H_
