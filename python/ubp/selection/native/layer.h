// SPDX-License-Identifier: Apache-2.0
// The importance of one layer's weights, and how it is rounded to integers.
#ifndef UBP_SELECTION_NATIVE_LAYER_H_
#define UBP_SELECTION_NATIVE_LAYER_H_

#include <cstdint>

#include "python/ubp/selection/native/kernels.h"

namespace ubp {
namespace selection {

// A view: the importance is the caller's, and outlives this.
struct Layer {
  const void* importance;  // [lanes, channels] float or double, finite and >= 0
  bool is_double;
  int64_t lanes;
  int64_t channels;
  int64_t block_size;  // 1 .. channels
  double peak;         // > 0: the importance that becomes `quanta`
  double quanta;       // such that the score of a block is at most 2^29 + N

  int64_t starts() const { return channels - block_size + 1; }

  const float* FloatLane(int64_t lane) const {
    return static_cast<const float*>(importance) + lane * channels;
  }
  const double* DoubleLane(int64_t lane) const {
    return static_cast<const double*>(importance) + lane * channels;
  }

  // Writes the integer importance of one lane, elements [channels].
  void Quantise(const Kernels& kernels, int64_t lane, int32_t* elements) const {
    if (is_double) {
      kernels.quantise_f64(DoubleLane(lane), channels, peak, quanta, elements);
    } else {
      kernels.quantise_f32(FloatLane(lane), channels, peak, quanta, elements);
    }
  }
};

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_LAYER_H_
