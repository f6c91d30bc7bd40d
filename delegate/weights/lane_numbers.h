// SPDX-License-Identifier: Apache-2.0
// The lanes of a layer's blocks, kept for as long as a model is loaded: two bytes each where lanes are
// few enough, as they nearly always are.
#ifndef UBP_DELEGATE_WEIGHTS_LANE_NUMBERS_H_
#define UBP_DELEGATE_WEIGHTS_LANE_NUMBERS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace ubp {

class LaneNumbers {
 public:
  LaneNumbers() = default;
  // `lanes` are numbers in [0, count).
  LaneNumbers(std::vector<int32_t> lanes, int64_t count) {
    if (count <= int64_t{std::numeric_limits<uint16_t>::max()} + 1) {
      narrow_.assign(lanes.begin(), lanes.end());
    } else {
      wide_ = std::move(lanes);
    }
  }

  size_t size() const { return narrow_.size() + wide_.size(); }
  size_t bytes() const {
    return sizeof(uint16_t) * narrow_.size() + sizeof(int32_t) * wide_.size();
  }
  int32_t operator[](size_t block) const { return wide_.empty() ? narrow_[block] : wide_[block]; }

  bool operator==(const LaneNumbers& other) const {
    return narrow_ == other.narrow_ && wide_ == other.wide_;
  }

  // Calls visit(lane) for each block in order.
  template <class Visitor>
  void ForEach(const Visitor& visit) const {
    for (const uint16_t lane : narrow_) visit(lane);
    for (const int32_t lane : wide_) visit(lane);
  }

 private:
  std::vector<uint16_t> narrow_;  // one of them is empty
  std::vector<int32_t> wide_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_WEIGHTS_LANE_NUMBERS_H_
