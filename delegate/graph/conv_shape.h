// SPDX-License-Identifier: Apache-2.0
// The sizes of one convolution, fully known: what a plan is made for.
#ifndef UBP_DELEGATE_GRAPH_CONV_SHAPE_H_
#define UBP_DELEGATE_GRAPH_CONV_SHAPE_H_

#include <cstdint>

#include "delegate/base/status.h"
#include "delegate/format/attributes.h"

namespace ubp {

// Taps [begin, end) along one axis of a kernel.
struct TapRange {
  int begin;
  int end;
};

// Input [batch, in_h, in_w, in_c], output [batch, out_h, out_w, out_c], both NHWC.
// Output pixel (y, x) reads input pixel (y * stride_h + ky * dilation_h - pad_top, likewise x);
// zero outside.
//
// Padding is on all four sides: windows begin pad_top rows above the image and end pad_bottom rows
// below it, where they end at all below it:
//
//   (out_h - 1) * stride_h + (kernel_h - 1) * dilation_h + 1 <= pad_top + in_h + pad_bottom
//
// and likewise for columns. SetTrailingPads() makes it so; whoever changes a shape calls it.
struct ConvShape {
  int batch, in_h, in_w, in_c;
  int out_h, out_w, out_c;
  int kernel_h, kernel_w;
  int stride_h, stride_w;
  int dilation_h, dilation_w;
  int pad_top, pad_left;      // negative where the first window begins inside the image
  int pad_bottom, pad_right;  // at least 0, and no more than windows read

  int64_t out_pixels() const { return int64_t{1} * batch * out_h * out_w; }
  // Windows overlap such that each reads at constant distances from its own pixel.
  bool unit_stride() const { return stride_h == 1 && stride_w == 1; }
  // No window reads outside the image.
  bool unpadded() const {
    return pad_top == 0 && pad_left == 0 && pad_bottom == 0 && pad_right == 0;
  }
  // Every output pixel reads exactly the input pixel at its own place.
  bool pointwise() const {
    return kernel_h == 1 && kernel_w == 1 && unit_stride() && unpadded() && in_h == out_h &&
           in_w == out_w;
  }

  // The taps that read the image for at least one output pixel, but for those that a stride leaves
  // out: all others read nothing but padding.
  TapRange RowsInside() const;
  TapRange ColumnsInside() const;
  // Whether these are all taps. Where they are, padding is less than the output is large.
  bool AllTapsInside() const;

  // Sets pad_bottom and pad_right from all the rest.
  void SetTrailingPads();
};

// The shape of a layer for an input [batch, in_h, in_w, in_channels]; TensorFlow's SAME and VALID.
// `padded` are zeros around the input beside that. The output may be empty, as TensorFlow Lite's is
// where a kernel exceeds the input by less than its stride. Fails where it exceeds it by more, or a
// tensor has 2^31 elements or more.
Status MakeConvShape(const LayerAttributes& attributes, int batch, int in_h, int in_w,
                     const Pads& padded, ConvShape* shape);
inline Status MakeConvShape(const LayerAttributes& attributes, int batch, int in_h, int in_w,
                            ConvShape* shape) {
  return MakeConvShape(attributes, batch, in_h, in_w, Pads(), shape);
}

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_CONV_SHAPE_H_
