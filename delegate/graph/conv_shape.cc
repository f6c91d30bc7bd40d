// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph/conv_shape.h"

#include <algorithm>
#include <initializer_list>
#include <string>

namespace ubp {
namespace {

constexpr int64_t kMaxElements = (int64_t{1} << 31) - 1;
// Of SAME, before the first pixel: TensorFlow Lite keeps it in 16 bits, and refuses more.
constexpr int64_t kMaxSamePadding = (1 << 15) - 1;

// Whether a tensor of this shape has few enough elements, and each dimension is one.
bool Fits(std::initializer_list<int64_t> dims) {
  int64_t elements = 1;
  bool empty = false;
  for (const int64_t dim : dims) {
    empty = empty || dim == 0;
    if (dim > kMaxElements || (!empty && elements > kMaxElements / dim)) return false;
    elements *= empty ? 1 : dim;
  }
  return true;
}

// One axis of a shape. All arithmetic on it is in 64 bits: no factor exceeds 2^31.
struct Axis {
  int64_t in, out, kernel, stride, dilation, pad;

  // Input places from the first that an output reads to the last.
  int64_t reach() const { return (kernel - 1) * dilation + 1; }

  TapRange TapsInside() const {
    // Tap t reads places t * dilation - pad + {0, stride, .., (out - 1) * stride}.
    const int64_t before = std::max<int64_t>(0, pad - (out - 1) * stride);
    const int64_t begin = std::min(kernel, (before + dilation - 1) / dilation);
    const int64_t end =
        std::min(kernel, (std::max<int64_t>(0, in + pad) + dilation - 1) / dilation);
    return {static_cast<int>(begin), static_cast<int>(std::max(begin, end))};
  }

  int TrailingPad() const {
    return static_cast<int>(std::max<int64_t>(0, (out - 1) * stride + reach() - pad - in));
  }
};

Axis Rows(const ConvShape& s) {
  return {s.in_h, s.out_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top};
}
Axis Columns(const ConvShape& s) {
  return {s.in_w, s.out_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left};
}

// Output size and leading padding for an input that has `in` places with the padding beside. The
// division rounds toward zero, as TensorFlow Lite's does.
void SetOutput(Padding padding, int64_t in, Axis* axis) {
  if (padding == Padding::kValid) {
    axis->out = (in - axis->reach() + axis->stride) / axis->stride;
    axis->pad = 0;
    return;
  }
  axis->out = (in + axis->stride - 1) / axis->stride;
  const int64_t needed = (axis->out - 1) * axis->stride + axis->reach();
  axis->pad = std::max<int64_t>(0, needed - in) / 2;
}

Status CheckSizes(const LayerAttributes& a, const ConvShape& s, const Axis& rows,
                  const Axis& columns) {
  const std::string input = std::to_string(s.batch) + " x " + std::to_string(s.in_h) + " x " +
                            std::to_string(s.in_w) + " pixels";
  if (s.batch < 0 || s.in_h < 0 || s.in_w < 0 || rows.out < 0 || columns.out < 0) {
    return Status::Error("an input of " + input + " is too small for a kernel of " +
                         std::to_string(a.kernel_h) + " x " + std::to_string(a.kernel_w) + ".");
  }
  if (rows.pad > kMaxSamePadding || columns.pad > kMaxSamePadding) {
    return Status::Error(
        "a kernel of " + std::to_string(a.kernel_h) + " x " + std::to_string(a.kernel_w) +
        " with dilation " + std::to_string(a.dilation_h) + " x " + std::to_string(a.dilation_w) +
        " needs more padding than " + std::to_string(kMaxSamePadding) + " pixels.");
  }
  if (!Fits({s.batch, s.in_h, s.in_w, a.in_channels}) ||
      !Fits({s.batch, rows.out, columns.out, a.out_channels})) {
    return Status::Error("an input of " + input +
                         " is too large; tensors of fewer than 2^31 elements are supported.");
  }
  return Status::Ok();
}

}  // namespace

TapRange ConvShape::RowsInside() const { return Rows(*this).TapsInside(); }
TapRange ConvShape::ColumnsInside() const { return Columns(*this).TapsInside(); }

bool ConvShape::AllTapsInside() const {
  const TapRange rows = RowsInside();
  const TapRange columns = ColumnsInside();
  return rows.begin == 0 && rows.end == kernel_h && columns.begin == 0 && columns.end == kernel_w;
}

void ConvShape::SetTrailingPads() {
  pad_bottom = Rows(*this).TrailingPad();
  pad_right = Columns(*this).TrailingPad();
}

Status MakeConvShape(const LayerAttributes& attributes, int batch, int in_h, int in_w,
                     const Pads& padded, ConvShape* shape) {
  const LayerAttributes& a = attributes;
  *shape = {batch,
            in_h,
            in_w,
            a.in_channels,
            0,
            0,
            a.out_channels,
            a.kernel_h,
            a.kernel_w,
            a.stride_h,
            a.stride_w,
            a.dilation_h,
            a.dilation_w,
            0,
            0,
            0,
            0};
  Axis rows = Rows(*shape);
  Axis columns = Columns(*shape);
  SetOutput(a.padding, rows.in + padded.top + padded.bottom, &rows);
  SetOutput(a.padding, columns.in + padded.left + padded.right, &columns);
  UBP_RETURN_IF_ERROR(CheckSizes(a, *shape, rows, columns));
  shape->out_h = static_cast<int>(rows.out);
  shape->out_w = static_cast<int>(columns.out);
  shape->pad_top = static_cast<int>(rows.pad) + padded.top;
  shape->pad_left = static_cast<int>(columns.pad) + padded.left;
  shape->SetTrailingPads();
  return Status::Ok();
}

}  // namespace ubp
