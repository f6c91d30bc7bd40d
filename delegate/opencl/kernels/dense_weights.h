// SPDX-License-Identifier: Apache-2.0
// The weights of a dense convolution or fully-connected layer, as their kernels read them.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_DENSE_WEIGHTS_H_
#define UBP_DELEGATE_OPENCL_KERNELS_DENSE_WEIGHTS_H_

#include <vector>

namespace ubp::opencl {

struct DenseWeights {
  std::vector<float> weights;  // [groups, lanes, channels_per_item], with zeros behind out_channels
  std::vector<float> bias;     // [groups, channels_per_item]
};

// Of weights [out_channels, lanes] and a bias [out_channels], or null.
DenseWeights PackDense(const float* weights, const float* bias, int out_channels, int lanes,
                       int channels_per_item);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_DENSE_WEIGHTS_H_
