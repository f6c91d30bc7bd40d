// SPDX-License-Identifier: Apache-2.0
// The divisions of a convolution's work among which a Tuner chooses, each once; the first is the guess of
// tiling.h.
#ifndef UBP_DELEGATE_OPENCL_PLAN_TILINGS_H_
#define UBP_DELEGATE_OPENCL_PLAN_TILINGS_H_

#include <cstdint>
#include <vector>

#include "delegate/opencl/kernels/tiling.h"

namespace ubp::opencl {

std::vector<SparseTiling> SparseTilings(const DeviceShape& device, const SparseTiling& guess,
                                        int out_channels, int block_size);
std::vector<DenseTiling> DenseTilings(const DeviceShape& device, const DenseTiling& guess,
                                      int channels_per_item);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_TILINGS_H_
