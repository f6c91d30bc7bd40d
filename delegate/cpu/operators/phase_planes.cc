// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/phase_planes.h"

#include <algorithm>
#include <string>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/operators/rearrange.h"
#include "delegate/cpu/operators/short_rows.h"

namespace ubp {
namespace {

// Of planes filled at a time: few enough for threads to share them evenly.
constexpr int kChannelsPerUnit = 8;
// What kernels read at most behind the last pixel: the rest of its vector, and one vector more of
// which they use some.
constexpr int kReadBeyond = 2 * 16;
constexpr int64_t kFloatsPerLine = kCacheLineBytes / sizeof(float);

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How far a window reaches beyond its first row or column, in rows or columns of a phase. Of a
// cropped shape, which may have no taps.
int ReachY(const ConvShape& shape) {
  return std::max(0, shape.kernel_h - 1) * shape.dilation_h / shape.stride_h;
}
int ReachX(const ConvShape& shape) {
  return std::max(0, shape.kernel_w - 1) * shape.dilation_w / shape.stride_w;
}

// Floats of one plane: whole cache lines, an odd number of them.
int64_t PlaneStride(const ConvShape& cropped, int64_t rows, int64_t pitch) {
  const int64_t used = rows * pitch + ReachX(cropped) + kReadBeyond;
  return (CeilDiv(used, kFloatsPerLine) | 1) * kFloatsPerLine;
}

}  // namespace

ConvShape PhasePlanes::Cropped(const ConvShape& shape) {
  const TapRange rows = shape.RowsInside();
  const TapRange columns = shape.ColumnsInside();
  ConvShape cropped = shape;
  cropped.kernel_h = rows.end - rows.begin;
  cropped.kernel_w = columns.end - columns.begin;
  cropped.pad_top -= rows.begin * shape.dilation_h;
  cropped.pad_left -= columns.begin * shape.dilation_w;
  return cropped;
}

std::vector<PhasePlanes::Phase> PhasePlanes::PhasesOf(const ConvShape& shape,
                                                      std::vector<int>* phase_of_tap) {
  std::vector<Phase> phases;
  for (int ky = 0; ky < shape.kernel_h; ++ky) {
    for (int kx = 0; kx < shape.kernel_w; ++kx) {
      Phase phase{};
      phase.y = ky * shape.dilation_h % shape.stride_h;
      phase.x = kx * shape.dilation_w % shape.stride_w;
      // Column q holds image column q * stride_w + phase.x - pad_left.
      const int64_t first = int64_t{shape.pad_left} - phase.x;
      const auto column = [&](int64_t x) {
        return static_cast<int>(CeilDiv(std::max<int64_t>(0, x), shape.stride_w));
      };
      phase.first_x = column(first);
      phase.last_x = column(first + shape.in_w);
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

int64_t PhasePlanes::MinPitch(const ConvShape& shape) {
  const ConvShape cropped = Cropped(shape);
  std::vector<int> phase_of_tap;
  int64_t pitch = shape.out_w;
  for (const Phase& phase : PhasesOf(cropped, &phase_of_tap)) {
    // A row must hold its pixels; and what is read right of it must be the padding left of the
    // next.
    const int64_t read = int64_t{shape.out_w} + ReachX(cropped) - phase.first_x;
    pitch = std::max<int64_t>({pitch, phase.last_x, read});
  }
  return pitch;
}

Status PhasePlanes::Check(const ConvShape& shape, int out_rows, int64_t pitch) {
  if (pitch < MinPitch(shape)) {
    return Status::Error("the planner gave rows of " + std::to_string(pitch) +
                         " floats, expected at least " + std::to_string(MinPitch(shape)) +
                         "; please report this model.");
  }
  const ConvShape cropped = Cropped(shape);
  std::vector<int> phase_of_tap;
  const auto phases = static_cast<int64_t>(PhasesOf(cropped, &phase_of_tap).size());
  const int64_t rows = int64_t{out_rows} + ReachY(cropped);
  const bool fits =
      rows <= kMaxPlaneFloats / pitch &&
      PlaneStride(cropped, rows, pitch) <= kMaxPlaneFloats / (phases + 1) / std::max(1, shape.in_c);
  if (fits) return Status::Ok();
  return Status::Error("an input of " + std::to_string(shape.in_h) + " x " +
                       std::to_string(shape.in_w) + " x " + std::to_string(shape.in_c) +
                       " is too large for this delegate: its padded planes exceed 2^31 floats.");
}

PhasePlanes::PhasePlanes(const ConvShape& shape, int out_rows, int pitch, float padding)
    : shape_(Cropped(shape)),
      kernel_w_(shape.kernel_w),
      rows_inside_(shape.RowsInside()),
      columns_inside_(shape.ColumnsInside()),
      all_taps_inside_(shape.AllTapsInside()),
      rows_(out_rows + ReachY(shape_)),
      pitch_(pitch),
      padding_(padding) {
  phases_ = PhasesOf(shape_, &phase_of_tap_);
  plane_stride_ = PlaneStride(shape_, rows_, pitch_);
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

int64_t PhasePlanes::LaneOffset(int lane) const {
  const int channel = lane % shape_.in_c;
  const int ky = lane / shape_.in_c / kernel_w_;
  const int kx = lane / shape_.in_c % kernel_w_;
  if (ky < rows_inside_.begin || ky >= rows_inside_.end || kx < columns_inside_.begin ||
      kx >= columns_inside_.end) {
    return PaddingPlane();
  }
  const int y = ky - rows_inside_.begin;
  const int x = kx - columns_inside_.begin;
  const int row = y * shape_.dilation_h / shape_.stride_h;
  const int column = x * shape_.dilation_w / shape_.stride_w;
  const int phase = phase_of_tap_[y * shape_.kernel_w + x];
  return PlaneOf(phase, channel) + int64_t{row} * pitch_ + column;
}

int PhasePlanes::image_units(int begin, int end) const {
  const int of_phases = static_cast<int>(runs_.size()) * (end - begin + ReachY(shape_));
  return of_phases + (all_taps_inside_ ? 0 : 1);
}

int PhasePlanes::plane_units() const {
  const int of_channels = (shape_.in_c + kChannelsPerUnit - 1) / kChannelsPerUnit;
  return of_channels + (all_taps_inside_ ? 0 : 1);
}

bool PhasePlanes::FillPaddingPlane(int unit, int units, float* buffer) const {
  if (all_taps_inside_ || unit + 1 < units) return false;
  FillRow(buffer + PaddingPlane(), plane_stride_, padding_);
  return true;
}

// Row `r` of a phase, for output rows [begin, end).
PhasePlanes::Row PhasePlanes::RowOf(const Phase& phase, int begin, int end, int r) const {
  Row row;
  row.first = int64_t{r} * pitch_;
  // The last row's reach and what kernels read beyond it lie behind: padding too. A buffer made for
  // more rows may hold others there.
  const bool is_last = r + 1 == end - begin + ReachY(shape_);
  row.length = is_last ? plane_stride_ - row.first : pitch_;
  row.y = (begin + r) * shape_.stride_h + phase.y - shape_.pad_top;
  // Rows that no tap reads need not be there: behind a window of rows lies another thread's.
  const bool is_read = r < end - begin + phase.reach;
  const bool inside = is_read && row.y >= 0 && row.y < shape_.in_h;
  row.begin = inside ? phase.first_x : pitch_;
  row.end = inside ? std::max(phase.first_x, phase.last_x) : pitch_;
  return row;
}

void PhasePlanes::FillPadding(const Row& row, float* plane) const {
  float* const out = plane + row.first;
  FillRow(out, row.begin, padding_);
  FillRow(out + row.end, row.length - row.end, padding_);
}

// Columns [begin, end) of a row, and of the same row of the `phases - 1` phases behind.
void PhasePlanes::CopyFromImage(const ImageRows<const float>& image, int phase, const Row& row,
                                int begin, int end, int phases, float* buffer) const {
  if (begin >= end) return;
  const int x = begin * shape_.stride_w + phases_[phase].x - shape_.pad_left;
  const int64_t pixel = int64_t{row.y - image.first_row} * shape_.in_w + x;
  Transpose(image.data + pixel * shape_.in_c, int64_t{shape_.stride_w} * shape_.in_c, end - begin,
            phases * shape_.in_c, buffer + PlaneOf(phase, 0) + row.first + begin, plane_stride_);
}

void PhasePlanes::FillFromImage(const ImageRows<const float>& image, int out_begin, int out_end,
                                int unit, float* buffer) const {
  if (FillPaddingPlane(unit, image_units(out_begin, out_end), buffer)) return;
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
    const Row row = RowOf(phases_[p], out_begin, out_end, r);
    for (int c = 0; c < shape_.in_c; ++c) FillPadding(row, buffer + PlaneOf(p, c));
    if (row.begin == row.end) continue;
    if (p == run.first) CopyFromImage(image, p, row, begin, end, run.count, buffer);
    CopyFromImage(image, p, row, row.begin, std::min(begin, row.end), 1, buffer);
    CopyFromImage(image, p, row, std::max(begin, end), row.end, 1, buffer);
  }
}

void PhasePlanes::FillFromPlanes(const ImageRows<const float>& planes,
                                 const PlaneGeometry& geometry, int out_begin, int out_end,
                                 int unit, float* buffer) const {
  if (FillPaddingPlane(unit, plane_units(), buffer)) return;
  const int first = unit * kChannelsPerUnit;
  const int channels = std::min(kChannelsPerUnit, shape_.in_c - first);
  const float* const source = planes.data + first * geometry.plane_stride + geometry.lead -
                              int64_t{planes.first_row} * geometry.pitch;
  const int rows = out_end - out_begin + ReachY(shape_);
  for (size_t p = 0; p < phases_.size(); ++p) {
    float* const plane = buffer + PlaneOf(static_cast<int>(p), first);
    for (int r = 0; r < rows; ++r) {
      const Row row = RowOf(phases_[p], out_begin, out_end, r);
      for (int c = 0; c < channels; ++c) FillPadding(row, plane + c * plane_stride_);
      if (row.begin == row.end) continue;
      const int x = row.begin * shape_.stride_w + phases_[p].x - shape_.pad_left;
      CopyStrided(source + int64_t{row.y} * geometry.pitch + x, geometry.plane_stride,
                  shape_.stride_w, channels, row.end - row.begin, plane + row.first + row.begin,
                  plane_stride_);
    }
  }
}

}  // namespace ubp
