// SPDX-License-Identifier: Apache-2.0
// The arrays of a sparse convolution, as its kernel reads them.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_SPARSE_WEIGHTS_H_
#define UBP_DELEGATE_OPENCL_KERNELS_SPARSE_WEIGHTS_H_

#include <cstdint>
#include <vector>

namespace ubp::opencl {

// Channels [cuts[r], cuts[r + 1]) of range r: at most `count` ranges, which begin at multiples of the
// block size and have about as much to do each, of a layer whose start channel s has the blocks
// [first[s], first[s + 1]).
std::vector<int32_t> CutRanges(const std::vector<int32_t>& first, int block_size, int count);

// Where all blocks of a layer come in fours of equal start channel, whose lanes are neighbouring
// channels of one window position: the offset of each four's first block, for lanes_together = 4.
// Elsewhere empty. `plane` is that of the input.
std::vector<int32_t> FoursOf(const std::vector<int32_t>& first, const std::vector<int32_t>& offsets,
                             int32_t plane);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_SPARSE_WEIGHTS_H_
