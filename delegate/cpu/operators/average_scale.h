// SPDX-License-Identifier: Apache-2.0
// What the sum over each window of an average pooling is multiplied by.
#ifndef UBP_DELEGATE_CPU_OPERATORS_AVERAGE_SCALE_H_
#define UBP_DELEGATE_CPU_OPERATORS_AVERAGE_SCALE_H_

#include <vector>

#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/graph/conv_shape.h"

namespace ubp {

// One over the number of places that count, by flat pixel of the output, with as much behind the
// last one as kernels read; zero for junk. `zeros_count`: whether places outside the image do.
std::vector<float> AverageScale(const ConvShape& shape, const PlaneGeometry& output,
                                bool zeros_count);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_AVERAGE_SCALE_H_
