#include "delegate/cpu/plane_geometry.h"

#include <algorithm>

#include "delegate/common/aligned_buffer.h"
#include "delegate/cpu/kernels.h"

namespace ubp {
namespace {

constexpr int kFloatsPerLine = kCacheLineBytes / sizeof(float);

}  // namespace

size_t PlaneGeometry::floats(int64_t planes) const {
  return static_cast<size_t>(planes * plane_stride) + lead + kMaxTilePixels;
}

PlaneGeometry MakePlaneGeometry(int height, int width, Halo halo) {
  PlaneGeometry geometry;
  geometry.height = height;
  geometry.width = width;
  geometry.pitch = width + halo.columns;
  // At least a line: the last vector of a plane may reach over its end, and writes zeros there.
  const int reach = halo.rows * geometry.pitch + halo.columns;
  geometry.lead = static_cast<int>(RoundUp(std::max(reach, 1), kFloatsPerLine));
  const int64_t used = int64_t{geometry.lead} + geometry.flat_pixels();
  const int64_t lines = (used + kFloatsPerLine - 1) / kFloatsPerLine;
  geometry.plane_stride = (lines | 1) * kFloatsPerLine;

  auto mask = std::make_shared<std::vector<uint32_t>>(geometry.flat_pixels() + kFloatsPerLine, 0u);
  for (int y = 0; y < height; ++y) {
    std::fill_n(mask->begin() + int64_t{y} * geometry.pitch, width, ~0u);
  }
  geometry.mask = std::move(mask);
  return geometry;
}

}  // namespace ubp
