// The sizes of one convolution, fully known: what a plan is made for.
#ifndef UBP_DELEGATE_CPU_CONV_SHAPE_H_
#define UBP_DELEGATE_CPU_CONV_SHAPE_H_

#include <cstdint>

#include "delegate/common/status.h"
#include "delegate/format/attributes.h"

namespace ubp {

// Input [batch, in_h, in_w, in_c], output [batch, out_h, out_w, out_c], both NHWC.
// Output pixel (y, x) reads input pixel (y * stride_h + ky * dilation_h - pad_top, likewise x);
// zero outside.
struct ConvShape {
  int batch, in_h, in_w, in_c;
  int out_h, out_w, out_c;
  int kernel_h, kernel_w;
  int stride_h, stride_w;
  int dilation_h, dilation_w;
  int pad_top, pad_left;

  int64_t out_pixels() const { return int64_t{1} * batch * out_h * out_w; }
  // Windows overlap such that each reads at constant distances from its own pixel.
  bool unit_stride() const { return stride_h == 1 && stride_w == 1; }
  // Every output pixel reads exactly the input pixel at its own place.
  bool pointwise() const {
    return kernel_h == 1 && kernel_w == 1 && unit_stride() && pad_top == 0 && pad_left == 0;
  }
};

// The shape of a layer for an input [batch, in_h, in_w, in_channels]; TensorFlow's SAME and VALID.
// Fails when the kernel does not fit into the input, or a tensor has 2^31 elements or more.
Status MakeConvShape(const LayerAttributes& attributes, int batch, int in_h, int in_w,
                     ConvShape* shape);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_CONV_SHAPE_H_
