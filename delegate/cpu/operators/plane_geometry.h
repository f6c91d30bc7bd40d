// SPDX-License-Identifier: Apache-2.0
// How a channel-major tensor lies in memory: one zero-padded plane per channel.
//
//   plane c of image b starts at (b * channels + c) * plane_stride
//   pixel (y, x) of a plane is element lead + y * pitch + x of it
//
// The pitch exceeds the width by the reach of the widest window to the left or right: the zeros
// after a row are also those before the next. `lead` zeros come before the first row; those of the
// next plane follow the last. All elements that are no pixels are zero: whoever writes a plane
// writes zeros there or nothing. So no operator pads, and all tensors of one geometry are
// interchangeable.
//
// *Flat pixels* count a plane's elements from pixel (0, 0) on, those between the rows included
// (*junk*).
#ifndef UBP_DELEGATE_CPU_OPERATORS_PLANE_GEOMETRY_H_
#define UBP_DELEGATE_CPU_OPERATORS_PLANE_GEOMETRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/conv_shape.h"

namespace ubp {

// Flat pixels are counted in 32 bits, also those that the last vector of a tile reads beyond a
// plane.
inline constexpr int64_t kMaxPlaneFloats = (int64_t{1} << 31) - (int64_t{1} << 16);

// Zeros that windows may read around an image: so many rows above and below, so many columns left
// and right. The columns also make room for rows of an output that are wider than the image's.
struct Halo {
  int rows = 0;
  int columns = 0;
};

// The halo in which windows of `shape` read their padding in place. At stride 1 outputs are counted
// as flat pixels of the input, so that its pitch is no less than their width.
Halo HaloFor(const ConvShape& shape);

struct PlaneGeometry {
  int height = 0;  // of an empty tensor 0; so may be the width
  int width = 0;
  Halo halo;
  int pitch = 0;  // floats from one row to the next
  int lead = 0;   // floats, whole cache lines, at least one
  // Floats, an odd number of cache lines: planes do not compete for the same sets of a cache.
  int64_t plane_stride = 0;
  // Of the flat pixels, and a cache line more for whole vectors: all bits set where there is a
  // pixel.
  std::shared_ptr<const std::vector<uint32_t>> mask;

  int flat_pixels() const { return height == 0 ? 0 : (height - 1) * pitch + width; }
  // Whether windows of `shape` find their padding, and rows as wide as they write, in a tensor that
  // lies so; `ColumnsSuit` leaves out the rows above and below.
  bool ColumnsSuit(const ConvShape& shape) const;
  bool Suits(const ConvShape& shape) const;
  // Floats of a tensor of that many planes, with what kernels read beyond the last.
  size_t floats(int64_t planes) const;
};

// Fails where a plane has 2^31 floats or more.
Status MakePlaneGeometry(int height, int width, Halo halo, PlaneGeometry* geometry);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_PLANE_GEOMETRY_H_
