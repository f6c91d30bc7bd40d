#include "delegate/cpu/conv_shape.h"

#include <algorithm>
#include <string>

namespace ubp {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 31;

// Output size and leading padding along one axis.
void MakeAxis(Padding padding, int in, int kernel, int stride, int dilation, int* out, int* pad) {
  const int64_t reach = int64_t{kernel - 1} * dilation + 1;
  if (padding == Padding::kValid) {
    *out = in < reach ? 0 : static_cast<int>((in - reach) / stride + 1);
    *pad = 0;
    return;
  }
  *out = static_cast<int>((int64_t{in} + stride - 1) / stride);
  const int64_t needed = int64_t{*out - 1} * stride + reach;
  *pad = static_cast<int>(std::max<int64_t>(0, needed - in) / 2);
}

}  // namespace

Status MakeConvShape(const LayerAttributes& attributes, int batch, int in_h, int in_w,
                     ConvShape* shape) {
  const LayerAttributes& a = attributes;
  *shape = {batch,          in_h,       in_w,       a.in_channels, 0,          0,
            a.out_channels, a.kernel_h, a.kernel_w, a.stride_h,    a.stride_w, a.dilation_h,
            a.dilation_w,   0,          0};
  MakeAxis(a.padding, in_h, a.kernel_h, a.stride_h, a.dilation_h, &shape->out_h, &shape->pad_top);
  MakeAxis(a.padding, in_w, a.kernel_w, a.stride_w, a.dilation_w, &shape->out_w, &shape->pad_left);
  const std::string input = std::to_string(batch) + " x " + std::to_string(in_h) + " x " +
                            std::to_string(in_w) + " pixels";
  if (batch < 1 || shape->out_h < 1 || shape->out_w < 1) {
    return Status::Error("an input of " + input + " is too small for a kernel of " +
                         std::to_string(a.kernel_h) + " x " + std::to_string(a.kernel_w) + ".");
  }
  const int64_t in_limit = kMaxElements / a.in_channels;
  const int64_t out_limit = kMaxElements / a.out_channels;
  if (int64_t{in_h} * in_w > in_limit / batch ||
      int64_t{shape->out_h} * shape->out_w > out_limit / batch) {
    return Status::Error("an input of " + input +
                         " is too large; tensors of fewer than 2^31 elements are supported.");
  }
  return Status::Ok();
}

}  // namespace ubp
