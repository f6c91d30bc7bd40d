#include "delegate/cpu/planes.h"

#include <algorithm>
#include <cstring>

#include "delegate/common/aligned_buffer.h"
#include "delegate/cpu/kernels.h"
#include "delegate/cpu/transpose.h"

namespace ubp {
namespace {

constexpr int64_t kFloatsPerLine = kCacheLineBytes / sizeof(float);

int CeilDiv(int a, int b) { return (a + b - 1) / b; }

// How far a window reaches beyond its first row or column, in rows or columns of a phase.
int ReachY(const ConvShape& shape) {
  return (shape.kernel_h - 1) * shape.dilation_h / shape.stride_h;
}
int ReachX(const ConvShape& shape) {
  return (shape.kernel_w - 1) * shape.dilation_w / shape.stride_w;
}

// dst[i] = src[i * stride].
void CopyStrided(const float* src, int stride, int count, float* dst) {
  if (stride == 1) {
    std::memcpy(dst, src, count * sizeof(float));
    return;
  }
  int i = 0;
  if (stride == 2) {
    typedef float Float4 __attribute__((vector_size(16)));
    for (; i + 5 <= count; i += 4) {  // the last element read is src[2 * i + 7]
      Float4 low, high;
      std::memcpy(&low, src + 2 * i, sizeof(low));
      std::memcpy(&high, src + 2 * i + 4, sizeof(high));
      const Float4 even = __builtin_shufflevector(low, high, 0, 2, 4, 6);
      std::memcpy(dst + i, &even, sizeof(even));
    }
  }
  for (; i < count; ++i) dst[i] = src[int64_t{i} * stride];
}

}  // namespace

std::vector<Planes::Phase> Planes::PhasesOf(const ConvShape& shape,
                                            std::vector<int>* phase_of_tap) {
  std::vector<Phase> phases;
  for (int ky = 0; ky < shape.kernel_h; ++ky) {
    for (int kx = 0; kx < shape.kernel_w; ++kx) {
      Phase phase{};
      phase.y = ky * shape.dilation_h % shape.stride_h;
      phase.x = kx * shape.dilation_w % shape.stride_w;
      // Column q holds image column q * stride_w + phase.x - pad_left.
      phase.first_x = CeilDiv(std::max(0, shape.pad_left - phase.x), shape.stride_w);
      phase.last_x = CeilDiv(std::max(0, shape.in_w + shape.pad_left - phase.x), shape.stride_w);
      const auto same = [&](const Phase& other) {
        return other.y == phase.y && other.x == phase.x;
      };
      const auto found = std::find_if(phases.begin(), phases.end(), same);
      phase_of_tap->push_back(static_cast<int>(found - phases.begin()));
      if (found == phases.end()) phases.push_back(phase);
      // Taps come in the order of their rows.
      phases[phase_of_tap->back()].reach = ky * shape.dilation_h / shape.stride_h;
    }
  }
  return phases;
}

int Planes::MinPitch(const ConvShape& shape) {
  std::vector<int> phase_of_tap;
  int pitch = shape.out_w;
  for (const Phase& phase : PhasesOf(shape, &phase_of_tap)) {
    // A row must hold its pixels; and what is read right of it must be the padding left of the
    // next.
    pitch = std::max({pitch, phase.last_x, shape.out_w + ReachX(shape) - phase.first_x});
  }
  return pitch;
}

Planes::Planes(const ConvShape& shape, int out_rows, int pitch, float padding)
    : shape_(shape), rows_(out_rows + ReachY(shape)), pitch_(pitch), padding_(padding) {
  phases_ = PhasesOf(shape, &phase_of_tap_);
  const int64_t used = int64_t{rows_} * pitch_ + ReachX(shape) + kMaxTilePixels;
  const int64_t lines = (used + kFloatsPerLine - 1) / kFloatsPerLine;
  plane_stride_ = (lines | 1) * kFloatsPerLine;
  const int phases = static_cast<int>(phases_.size());
  for (int p = 0; p < phases; p += runs_.back().count) {
    int count = 0;
    while (p + count < phases && phases_[p + count].y == phases_[p].y &&
           phases_[p + count].x == count) {
      ++count;
    }
    runs_.push_back({p, count == shape.stride_w ? count : 1});
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

int Planes::fill_units(int begin, int end) const {
  return static_cast<int>(runs_.size()) * (end - begin + ReachY(shape_));
}

// Row `r` of a phase, for output rows [begin, end).
Planes::Row Planes::FillPadding(int phase_number, int begin, int end, int r, float* buffer) const {
  const Phase& phase = phases_[phase_number];
  Row row;
  row.first = buffer + int64_t{phase_number} * shape_.in_c * plane_stride_ + int64_t{r} * pitch_;
  // The last row's reach and what kernels read beyond it lie behind: padding too. A buffer made for
  // more rows may hold others there.
  const bool is_last = r + 1 == end - begin + ReachY(shape_);
  row.length = is_last ? plane_stride_ - int64_t{r} * pitch_ : pitch_;
  row.y = (begin + r) * shape_.stride_h + phase.y - shape_.pad_top;
  // Rows that no tap reads need not be there: behind a window of rows lies another thread's.
  const bool is_read = r < end - begin + phase.reach;
  const bool inside = is_read && row.y >= 0 && row.y < shape_.in_h;
  row.begin = inside ? phase.first_x : pitch_;
  row.end = inside ? std::max(phase.first_x, phase.last_x) : pitch_;
  for (int c = 0; c < shape_.in_c; ++c) {
    float* const out = row.first + c * plane_stride_;
    std::fill(out, out + row.begin, padding_);
    std::fill(out + row.end, out + row.length, padding_);
  }
  return row;
}

// Columns [begin, end) of a row, and of the same row of the `phases - 1` phases behind.
void Planes::CopyFromImage(const RowWindow<const float>& image, int phase, const Row& row,
                           int begin, int end, int phases) const {
  if (begin >= end) return;
  const int x = begin * shape_.stride_w + phases_[phase].x - shape_.pad_left;
  const int64_t pixel = int64_t{row.y - image.first_row} * shape_.in_w + x;
  Transpose(image.data + pixel * shape_.in_c, int64_t{shape_.stride_w} * shape_.in_c, end - begin,
            phases * shape_.in_c, row.first + begin, plane_stride_);
}

void Planes::FillFromImage(const RowWindow<const float>& image, int out_begin, int out_end,
                           int unit, float* buffer) const {
  const PhaseRun& run = runs_[unit % runs_.size()];
  const int r = unit / static_cast<int>(runs_.size());
  // Columns that all phases have are copied together, the others by themselves.
  int begin = 0;
  int end = pitch_;
  for (int p = run.first; p < run.first + run.count; ++p) {
    begin = std::max(begin, phases_[p].first_x);
    end = std::min(end, phases_[p].last_x);
  }
  for (int p = run.first; p < run.first + run.count; ++p) {
    const Row row = FillPadding(p, out_begin, out_end, r, buffer);
    if (row.begin == row.end) continue;
    if (p == run.first) CopyFromImage(image, p, row, begin, end, run.count);
    CopyFromImage(image, p, row, row.begin, std::min(begin, row.end), 1);
    CopyFromImage(image, p, row, std::max(begin, end), row.end, 1);
  }
}

void Planes::FillFromPlanes(const RowWindow<const float>& planes, const PlaneGeometry& geometry,
                            int out_begin, int out_end, int unit, float* buffer) const {
  const PhaseRun& run = runs_[unit % runs_.size()];
  const int r = unit / static_cast<int>(runs_.size());
  for (int p = run.first; p < run.first + run.count; ++p) {
    const Row row = FillPadding(p, out_begin, out_end, r, buffer);
    if (row.begin == row.end) continue;
    const int x = row.begin * shape_.stride_w + phases_[p].x - shape_.pad_left;
    const float* source =
        planes.data + geometry.lead + int64_t{row.y - planes.first_row} * geometry.pitch + x;
    float* out = row.first + row.begin;
    for (int c = 0; c < shape_.in_c; ++c) {
      CopyStrided(source, shape_.stride_w, row.end - row.begin, out);
      source += geometry.plane_stride;
      out += plane_stride_;
    }
  }
}

}  // namespace ubp
