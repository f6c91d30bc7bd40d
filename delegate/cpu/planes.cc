#include "delegate/cpu/planes.h"

#include <algorithm>
#include <cstring>

#include "delegate/common/aligned_buffer.h"
#include "delegate/cpu/transpose.h"

namespace ubp {
namespace {

constexpr int64_t kFloatsPerLine = kCacheLineBytes / sizeof(float);

int CeilDiv(int a, int b) { return (a + b - 1) / b; }

}  // namespace

Planes::Planes(const ConvShape& shape, int overread) : shape_(shape) {
  AddPhases();
  const int reach_y = (shape.kernel_h - 1) * shape.dilation_h / shape.stride_h;
  const int reach_x = (shape.kernel_w - 1) * shape.dilation_w / shape.stride_w;
  rows_ = shape.out_h + reach_y;
  pitch_ = shape.out_w;
  for (const Phase& phase : phases_) {
    // A row must hold its pixels; and what is read right of it must be the zeros left of the next.
    pitch_ = std::max({pitch_, phase.last_x, shape.out_w + reach_x - phase.first_x});
  }
  const int64_t used = int64_t{rows_} * pitch_ + reach_x + overread;
  const int64_t lines = (used + kFloatsPerLine - 1) / kFloatsPerLine;
  plane_stride_ = (lines | 1) * kFloatsPerLine;
}

void Planes::AddPhases() {
  for (int ky = 0; ky < shape_.kernel_h; ++ky) {
    for (int kx = 0; kx < shape_.kernel_w; ++kx) {
      Phase phase{ky * shape_.dilation_h % shape_.stride_h,
                  kx * shape_.dilation_w % shape_.stride_w, 0, 0};
      // Column q holds image column q * stride_w + phase.x - pad_left.
      phase.first_x = std::max(0, CeilDiv(std::max(0, shape_.pad_left - phase.x), shape_.stride_w));
      phase.last_x = CeilDiv(std::max(0, shape_.in_w + shape_.pad_left - phase.x), shape_.stride_w);
      const auto same = [&](const Phase& other) {
        return other.y == phase.y && other.x == phase.x;
      };
      auto found = std::find_if(phases_.begin(), phases_.end(), same);
      phase_of_tap_.push_back(static_cast<int>(found - phases_.begin()));
      if (found == phases_.end()) phases_.push_back(phase);
    }
  }
}

int64_t Planes::LaneOffset(int lane) const {
  const int channel = lane % shape_.in_c;
  const int tap = lane / shape_.in_c;
  const int row = tap / shape_.kernel_w * shape_.dilation_h / shape_.stride_h;
  const int column = tap % shape_.kernel_w * shape_.dilation_w / shape_.stride_w;
  const int64_t plane = int64_t{phase_of_tap_[tap]} * shape_.in_c + channel;
  return plane * plane_stride_ + int64_t{row} * pitch_ + column;
}

void Planes::Fill(const float* image, int unit, float* buffer) const {
  const Phase& phase = phases_[unit / rows_];
  const int row = unit % rows_;
  float* const planes = buffer + int64_t{unit / rows_} * shape_.in_c * plane_stride_;
  float* const first = planes + int64_t{row} * pitch_;
  // The last row's reach and what kernels read beyond it lie in the tail: zeros too, so that junk
  // stays finite.
  const int64_t end = row + 1 < rows_ ? pitch_ : plane_stride_ - int64_t{row} * pitch_;
  const int y = row * shape_.stride_h + phase.y - shape_.pad_top;
  const bool inside = y >= 0 && y < shape_.in_h;
  const int begin_x = inside ? std::min(phase.first_x, pitch_) : pitch_;
  const int end_x = inside ? std::max(begin_x, std::min(phase.last_x, pitch_)) : pitch_;
  for (int c = 0; c < shape_.in_c; ++c) {
    float* const out = first + c * plane_stride_;
    std::memset(out, 0, begin_x * sizeof(float));
    std::memset(out + end_x, 0, (end - end_x) * sizeof(float));
  }
  if (begin_x == end_x) return;
  const int x = begin_x * shape_.stride_w + phase.x - shape_.pad_left;
  const float* source = image + (int64_t{y} * shape_.in_w + x) * shape_.in_c;
  Transpose(source, int64_t{shape_.stride_w} * shape_.in_c, end_x - begin_x, shape_.in_c,
            first + begin_x, plane_stride_);
}

}  // namespace ubp
