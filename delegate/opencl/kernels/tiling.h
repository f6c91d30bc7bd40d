// SPDX-License-Identifier: Apache-2.0
// How work is divided: which variant of a kernel runs for a shape and a device.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_TILING_H_
#define UBP_DELEGATE_OPENCL_KERNELS_TILING_H_

#include <cstdint>

#include "delegate/opencl/runtime/device.h"

namespace ubp::opencl {

// What of a device the choice depends on.
struct DeviceShape {
  int compute_units = 1;
  int max_work_group_size = 64;
  int max_accumulators = 32;  // of a work-item, in registers
};

DeviceShape ShapeOf(const Device& device);

struct SparseTiling {
  int tile = 64;
  int pixels_per_item = 1;
  int ranges = 1;  // at most, for CutRanges()
};

// `pixels` are those of all images of the output, `blocks` those of the layer.
SparseTiling ChooseSparseTiling(const DeviceShape& device, int64_t pixels, int out_channels,
                                int64_t blocks, int block_size);

// The channels of an item do not depend on sizes that a resize changes: weights are packed for them
// once.
int ChooseDenseChannels(const DeviceShape& device, int out_channels, bool fully_connected);

struct DenseTiling {
  int tile = 64;
  int pixels_per_item = 1;
};
DenseTiling ChooseDenseTiling(const DeviceShape& device, int64_t pixels, int out_channels,
                              int channels_per_item);

struct DepthwiseTiling {
  int pixels_per_item = 1;
  int channels_per_group = 1;
};
// `kernel` is the larger of height and width.
DepthwiseTiling ChooseDepthwiseTiling(const DeviceShape& device, int64_t pixels, int channels,
                                      int kernel);

// Whether a fully-connected layer with so many rows is a FullyConnectedCall.
bool FewRows(int rows);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_TILING_H_
