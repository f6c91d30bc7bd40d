// SPDX-License-Identifier: Apache-2.0
// What an elementwise operator with a constant operand computes.
#ifndef UBP_DELEGATE_GRAPH_CHANNEL_SCALE_H_
#define UBP_DELEGATE_GRAPH_CHANNEL_SCALE_H_

#include <vector>

namespace ubp {

// For each channel a number to multiply by and one to add then: vectors of equal size, [channels],
// or [1] where it holds for all channels.
struct ChannelScale {
  std::vector<float> scale;
  std::vector<float> offset;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_CHANNEL_SCALE_H_
