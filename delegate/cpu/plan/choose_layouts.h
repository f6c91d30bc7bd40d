// SPDX-License-Identifier: Apache-2.0
// Whether each tensor is an NHWC image, channel-major, or both.
#ifndef UBP_DELEGATE_CPU_PLAN_CHOOSE_LAYOUTS_H_
#define UBP_DELEGATE_CPU_PLAN_CHOOSE_LAYOUTS_H_

#include "delegate/cpu/plan/layout.h"

namespace ubp {

// Inputs and outputs of the graph are images in any case. Beside that each op demands layouts:
//
//   - Convolutions read and write both: channel-major what stays inside the graph and has more than
//     one pixel.
//   - Windows and padding are channel-major; so are what MEAN reads, and both tensors of a residual.
//   - Fully-connected layers, reshaping and softmax are for images, and so is what MEAN writes.
//   - Elementwise ops and concatenations go with their inputs: channel-major if one of these is,
//     and there is more than one pixel. The vector that holds for all pixels is an image.
//
// Fills in `nhwc`, `planes` and `planes_first` of the tensors and `channel_major` of the ops.
void ChooseLayouts(bool allow_planes, GraphLayout* layout);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_PLAN_CHOOSE_LAYOUTS_H_
