// SPDX-License-Identifier: Apache-2.0
// How work is divided: tiles and ranges.

#include <algorithm>
#include <numeric>
#include <vector>

#include "delegate/cpu/operators/tiling.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

TEST(TilingTest, TilesCoverAllPixelsEvenly) {
  for (const int width : {1, 4, 16}) {
    for (const int max_vectors : {1, 3, 6}) {
      for (int pixels = 1; pixels < 400; ++pixels) {
        int next = 0, fewest = max_vectors, most = 0;
        const std::vector<Tile> tiles = DividePixels(pixels, width, max_vectors);
        for (const Tile& tile : tiles) {
          ASSERT_EQ(tile.first_pixel, next);
          ASSERT_GT(tile.pixels, (tile.vectors - 1) * width);
          ASSERT_LE(tile.pixels, tile.vectors * width);
          next += tile.pixels;
          fewest = std::min(fewest, tile.vectors);
          most = std::max(most, tile.vectors);
        }
        ASSERT_EQ(next, pixels);
        ASSERT_LE(most, max_vectors);
        ASSERT_LE(most - fewest, 1);
      }
    }
  }
}

TEST(ForEachExactTileTest, CoversEveryPixelAndNoOther) {
  for (const int width : {4, 8, 16}) {
    for (const int max_vectors : {1, 3, 6}) {
      for (int pixels = width; pixels < 40 * width; ++pixels) {
        std::vector<bool> covered(pixels, false);
        ForEachExactTile(pixels, width, max_vectors, [&](int first, int vectors) {
          EXPECT_GE(vectors, 1);
          EXPECT_LE(vectors, max_vectors);
          ASSERT_GE(first, 0);
          ASSERT_LE(first + vectors * width, pixels);
          std::fill_n(covered.begin() + first, vectors * width, true);
        });
        EXPECT_EQ(std::count(covered.begin(), covered.end(), true), pixels);
      }
    }
  }
}

TEST(TilingTest, RangesCoverAllChannelsWithEqualWork) {
  std::vector<int32_t> counts(64, 10);
  std::fill_n(counts.begin(), 8, 100);
  for (const int ranges : {1, 2, 3, 4}) {
    const std::vector<int> bounds = DivideChannels(counts, 4, ranges);
    ASSERT_EQ(static_cast<int>(bounds.size()), ranges + 1);
    EXPECT_EQ(bounds.front(), 0);
    EXPECT_EQ(bounds.back(), 64);
    for (int r = 0; r < ranges; ++r) {
      EXPECT_LT(bounds[r], bounds[r + 1]);
      EXPECT_EQ(bounds[r] % 4, 0);
      const int work =
          std::accumulate(counts.begin() + bounds[r], counts.begin() + bounds[r + 1], 0);
      EXPECT_NEAR(work, 1360.0 / ranges, 400.0);
    }
  }
  EXPECT_EQ(DivideChannels({5, 0, 0}, 2, 8), (std::vector<int>{0, 2, 3}));
}

}  // namespace
}  // namespace ubp
