// SPDX-License-Identifier: Apache-2.0
// Where selected blocks are written: the caller's arrays, sorted by layer, lane and start.
#ifndef UBP_SELECTION_NATIVE_BLOCKS_H_
#define UBP_SELECTION_NATIVE_BLOCKS_H_

#include <cstdint>

#include "python/ubp/selection/native/layer.h"

namespace ubp {
namespace selection {

struct Blocks {
  int64_t* lanes;   // of each block
  int64_t* starts;  // its first channel

  void Put(int64_t index, int64_t lane, int64_t start) const {
    lanes[index] = lane;
    starts[index] = start;
  }
};

// The importance inside `count` blocks of a layer, in double: of each block, then of each lane, then
// of the lanes, in order.
double ImportanceOf(const Layer& layer, const Blocks& blocks, int64_t count);

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_BLOCKS_H_
