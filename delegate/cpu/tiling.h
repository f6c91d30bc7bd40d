// How the pixels of a layer are divided into tiles, and its channels into ranges.
#ifndef UBP_DELEGATE_CPU_TILING_H_
#define UBP_DELEGATE_CPU_TILING_H_

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

// Divides the channels into `ranges` or fewer, with about equally many blocks each; counts[c]
// blocks start at channel c. Returns the boundaries: range i is [result[i], result[i + 1]).
// Boundaries within are multiples of block_size.
std::vector<int> DivideChannels(const std::vector<int32_t>& counts, int block_size, int ranges);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_TILING_H_
