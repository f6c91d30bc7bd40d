// SPDX-License-Identifier: Apache-2.0
// The weights of a converted int8 layer as kernels read them.
#ifndef UBP_DELEGATE_WEIGHTS_PACKED_QUADS_H_
#define UBP_DELEGATE_WEIGHTS_PACKED_QUADS_H_

#include "delegate/base/status.h"
#include "delegate/format/packed_layer.h"
#include "delegate/weights/quad_weights.h"

namespace ubp {

// `layer` has int8 values in blocks of 4 lanes. Fails where the model's packed bytes have changed, such
// that they cannot be decoded any more.
Status TakePackedQuads(const PackedLayer& layer, const QuadQuantization& quantization,
                       QuadWeights* weights);

}  // namespace ubp

#endif  // UBP_DELEGATE_WEIGHTS_PACKED_QUADS_H_
