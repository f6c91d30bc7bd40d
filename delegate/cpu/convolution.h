// A block-sparse convolution, prepared for one input shape: what a plan runs.
#ifndef UBP_DELEGATE_CPU_CONVOLUTION_H_
#define UBP_DELEGATE_CPU_CONVOLUTION_H_

#include <cstddef>
#include <memory>

#include "delegate/common/status.h"
#include "delegate/cpu/conv_shape.h"
#include "delegate/cpu/kernels.h"
#include "delegate/cpu/thread_pool.h"
#include "delegate/format/packed_layer.h"

namespace ubp {

class Convolution {
 public:
  virtual ~Convolution() = default;

  // Floats of scratch memory that Run needs, 64-byte aligned. Its contents need not outlive a call.
  virtual size_t scratch_floats() const = 0;
  // Memory held beside the model file, scratch not included.
  virtual size_t weight_bytes() const = 0;
  // input [batch, in_h, in_w, in_c], output [batch, out_h, out_w, out_c], float32 NHWC, no overlap.
  // Allocates nothing. `pool` has at most as many threads as the convolution was prepared for.
  // Reentrant with different scratch memory. The result does not depend on the number of threads.
  virtual void Run(const float* input, float* output, float* scratch, ThreadPool* pool) const = 0;
};

// Plain loops over blocks and pixels: what all kernels are tested against.
std::unique_ptr<Convolution> MakeReferenceConvolution(const PackedLayer& layer,
                                                      const ConvShape& shape);

// The WROS kernels of `family`, divided for `threads` threads. `layer` must outlive the result.
// Fails when the layer's input is too large for 32-bit offsets.
Status MakeWrosConvolution(const PackedLayer& layer, const ConvShape& shape,
                           const KernelFamily& family, int threads,
                           std::unique_ptr<Convolution>* convolution);

// The bounds of a fused activation, infinite where it has none.
struct ActivationRange {
  float min;
  float max;
};
ActivationRange RangeOf(Activation activation);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_CONVOLUTION_H_
