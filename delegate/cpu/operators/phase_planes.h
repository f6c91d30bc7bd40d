// SPDX-License-Identifier: Apache-2.0
// Channel-major input planes for convolutions that read more than their own pixel: no im2col.
//
// The padded input is split into the phases of the stride: phase (py, px) holds the padded
// pixels (r * stride_h + py, q * stride_w + px), as one plane per input channel, row r after row r
// with a common pitch. Then all output pixels read lane (ky, kx, c) at one constant distance: with
// p = y * pitch + x the flat number of output pixel (y, x), its input is element p of the row that
// starts at LaneOffset(lane).
//
// The input is an NHWC image or a channel-major tensor (plane_geometry.h).
//
// Taps that read padding only for all output pixels (ConvShape::RowsInside) all read one plane more,
// which is nothing but padding: so that no plane is larger than image and output demand, however far
// a window reaches.
//
// Tiles run over the flat pixels. Where pitch > out_w, the last pitch - out_w pixels of each row
// are junk: computed, never stored. Rows share their padding: what is left of a row also serves as
// that right of the row before.
//
// Padding is zero, or one number: planes of quads (quad_layout.h) have the zero point there.
#ifndef UBP_DELEGATE_CPU_OPERATORS_PHASE_PLANES_H_
#define UBP_DELEGATE_CPU_OPERATORS_PHASE_PLANES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/cpu/operators/row_operator.h"
#include "delegate/graph/conv_shape.h"

namespace ubp {

class PhasePlanes {
 public:
  // The least pitch with which rows can share their padding; no less than the output is wide.
  static int64_t MinPitch(const ConvShape& shape);
  // Whether planes can be made: `pitch` is at least MinPitch, and all of them have fewer than 2^31
  // floats, as far as offsets of 32 bits reach.
  static Status Check(const ConvShape& shape, int out_rows, int64_t pitch);

  PhasePlanes() = default;
  // For `out_rows` rows of the output of `shape` at a time, as checked. `padding` is what counts for
  // pixels beside the image.
  PhasePlanes(const ConvShape& shape, int out_rows, int pitch, float padding = 0.0f);

  // Floats of the whole buffer, 64-byte aligned by the owner.
  int64_t floats() const { return PaddingPlane() + (all_taps_inside_ ? 0 : plane_stride_); }

  // Floats from the start of the buffer to the row of `lane`.
  int64_t LaneOffset(int lane) const;

  // Filling for output rows [begin, end) is divided into independent units: of an image one row of
  // the phases that interleave in its rows, of planes some channels.
  int image_units(int begin, int end) const;
  int plane_units() const;
  // Write unit `unit` of the planes at `buffer`, padding included: from an image [in_h, in_w, in_c],
  // or from the in_c planes of a channel-major tensor.
  void FillFromImage(const ImageRows<const float>& image, int begin, int end, int unit,
                     float* buffer) const;
  void FillFromPlanes(const ImageRows<const float>& planes, const PlaneGeometry& geometry,
                      int begin, int end, int unit, float* buffer) const;

 private:
  struct Phase {
    int y, x;             // of the stride
    int first_x, last_x;  // columns q in [first_x, last_x) hold pixels of the image
    int reach;            // how many rows further down than its own an output pixel reads
  };

  // What is written of one row of a phase.
  struct Row {
    int64_t first;   // floats from the start of a plane to its column 0
    int begin, end;  // the columns that hold pixels
    int64_t length;  // of the row, with what follows the last row of a plane
    int y;           // the image row of its pixels
  };

  // Phases with the same y and x = 0, 1, .., stride_w - 1; or a single one.
  struct PhaseRun {
    int first;
    int count;
  };

  // A shape without the taps that read padding only, and the phases that the others read; of these
  // taps, [kernel_h, kernel_w] of that shape, the number of the phase.
  static ConvShape Cropped(const ConvShape& shape);
  static std::vector<Phase> PhasesOf(const ConvShape& cropped, std::vector<int>* phase_of_tap);
  // Floats from the start of the buffer to the plane of padding.
  int64_t PaddingPlane() const {
    return plane_stride_ * shape_.in_c * static_cast<int64_t>(phases_.size());
  }
  // Whether `unit`, the last one, is that plane, which it then writes.
  bool FillPaddingPlane(int unit, int units, float* buffer) const;
  // Floats from the start of the buffer to a channel's plane of a phase.
  int64_t PlaneOf(int phase, int channel) const {
    return (int64_t{phase} * shape_.in_c + channel) * plane_stride_;
  }
  Row RowOf(const Phase& phase, int begin, int end, int r) const;
  void FillPadding(const Row& row, float* plane) const;
  void CopyFromImage(const ImageRows<const float>& image, int phase, const Row& row, int begin,
                     int end, int phases, float* buffer) const;

  ConvShape shape_{};           // cropped
  int kernel_w_ = 1;            // of the whole kernel
  TapRange rows_inside_{0, 1};  // of the whole kernel's taps those that shape_ has
  TapRange columns_inside_{0, 1};
  bool all_taps_inside_ = true;
  std::vector<Phase> phases_;  // those that some lane reads
  std::vector<PhaseRun> runs_;
  std::vector<int> phase_of_tap_;  // [kernel_h * kernel_w]
  int rows_ = 0;                   // per plane, the same for all phases
  int pitch_ = 0;
  int64_t plane_stride_ = 0;  // floats: whole cache lines, an odd number of them
  float padding_ = 0.0f;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_PHASE_PLANES_H_
