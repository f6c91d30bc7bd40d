// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/plane_geometry.h"

#include <algorithm>
#include <string>
#include <utility>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/kernels/kernels.h"

namespace ubp {
namespace {

constexpr int64_t kFloatsPerLine = kCacheLineBytes / sizeof(float);

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

size_t PlaneGeometry::floats(int64_t planes) const {
  return static_cast<size_t>(planes * plane_stride) + lead + kMaxTilePixels;
}

Halo HaloFor(const ConvShape& shape) {
  Halo halo;
  halo.rows = std::max({0, shape.pad_top, shape.pad_bottom});
  halo.columns = std::max({0, shape.pad_left, shape.pad_right});
  if (shape.unit_stride()) halo.columns = std::max(halo.columns, shape.out_w - shape.in_w);
  return halo;
}

bool PlaneGeometry::ColumnsSuit(const ConvShape& shape) const {
  return HaloFor(shape).columns <= halo.columns;
}

bool PlaneGeometry::Suits(const ConvShape& shape) const {
  return ColumnsSuit(shape) && HaloFor(shape).rows <= halo.rows;
}

Status MakePlaneGeometry(int height, int width, Halo halo, PlaneGeometry* geometry) {
  const int64_t pitch = int64_t{width} + halo.columns;
  // At least a line: the last vector of a plane may reach over its end, and writes zeros there.
  const int64_t reach = std::max<int64_t>(1, halo.rows * pitch + halo.columns);
  const int64_t flat = height == 0 ? 0 : (height - 1) * pitch + width;
  const int64_t lines = (reach + flat) / kFloatsPerLine + 3;
  if (lines * kFloatsPerLine > kMaxPlaneFloats) {
    return Status::Error("an image of " + std::to_string(height) + " x " + std::to_string(width) +
                         " pixels with its padding is too large for this delegate: its planes "
                         "exceed 2^31 floats.");
  }
  geometry->height = height;
  geometry->width = width;
  geometry->halo = halo;
  geometry->pitch = static_cast<int>(pitch);
  geometry->lead = static_cast<int>(RoundUp(reach, kFloatsPerLine));
  geometry->plane_stride = (CeilDiv(geometry->lead + flat, kFloatsPerLine) | 1) * kFloatsPerLine;

  auto mask = std::make_shared<std::vector<uint32_t>>(flat + kFloatsPerLine, 0u);
  for (int y = 0; y < height; ++y) std::fill_n(mask->begin() + y * pitch, width, ~0u);
  geometry->mask = std::move(mask);
  return Status::Ok();
}

}  // namespace ubp
