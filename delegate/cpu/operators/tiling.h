// SPDX-License-Identifier: Apache-2.0
// How the pixels of a layer are divided into tiles, and its channels into ranges.
#ifndef UBP_DELEGATE_CPU_OPERATORS_TILING_H_
#define UBP_DELEGATE_CPU_OPERATORS_TILING_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ubp {

struct Tile {
  int first_pixel;
  int vectors;  // the tile computes this many vectors of pixels
  int pixels;   // of them, this many exist
};

// Divides `pixels` into tiles of at most `max_vectors` vectors. The vectors are spread evenly:
// tiles differ by one at most, there is never a full tile followed by a sliver.
std::vector<Tile> DividePixels(int pixels, int vector_width, int max_vectors);

// The same for tiles that must not reach beyond the last pixel: the last tile begins within the one
// before and computes some of its pixels again. Calls tile(first pixel, vectors) for each. There is
// at least one vector of pixels.
template <class Function>
void ForEachExactTile(int pixels, int vector_width, int max_vectors, const Function& tile) {
  const int vectors = (pixels + vector_width - 1) / vector_width;
  const int count = (vectors + max_vectors - 1) / max_vectors;
  int first_vector = 0;
  for (int i = 0; i < count; ++i) {
    const int end_vector = static_cast<int>(int64_t{vectors} * (i + 1) / count);
    const int size = end_vector - first_vector;
    const int first = first_vector * vector_width;
    const int excess = std::max(0, end_vector * vector_width - pixels);
    if (excess <= first) {
      tile(first - excess, size);
    } else {  // the only tile
      tile(0, size - 1);
      tile(pixels - vector_width, 1);
    }
    first_vector = end_vector;
  }
}

// Divides the channels into `ranges` or fewer, with about equally many blocks each; counts[c]
// blocks start at channel c. Returns the boundaries: range i is [result[i], result[i + 1]).
// Boundaries within are multiples of block_size.
std::vector<int> DivideChannels(const std::vector<int32_t>& counts, int block_size, int ranges);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_TILING_H_
