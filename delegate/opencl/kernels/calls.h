// SPDX-License-Identifier: Apache-2.0
// What the kernels compute on an OpenCL device: one struct and one function for each family. The
// function chooses a variant, gets its program from the context, and sets the arguments; nothing runs.
//
// All memory is the caller's and outlives the Launch. Where a call has an input that may be its output,
// its comment says so; otherwise what is written overlaps nothing that is read. Pixels are written,
// halos never. Functions fail with one sentence where a call is none that its kernel has, where a
// program does not build, or where an element would be beyond the reach of 32-bit offsets.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_CALLS_H_
#define UBP_DELEGATE_OPENCL_KERNELS_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "delegate/base/status.h"
#include "delegate/graph/activation_range.h"
#include "delegate/graph/elementwise_function.h"
#include "delegate/graph/ops.h"

namespace ubp::opencl {

class Buffer;
class Context;
struct Launch;

// How tensors are stored and sums added up. Weights, biases and other constants are float always.
enum class Precision {
  kFp32,
  kFp16Storage,  // tensors half, sums float
  kFp16          // sums half as well, of convolutions; needs cl_khr_fp16
};

inline size_t ElementBytes(Precision precision) { return precision == Precision::kFp32 ? 4 : 2; }

// A tensor [batch, height, width, channels] as channel-major planes; all numbers are elements. Element
// (b, y, x, c) is origin + b * image + c * plane + y * row + x of the memory. A matrix
// [rows, channels] has a height and width of 1 and a batch of rows. What a window reads around a plane
// must be zero: see each call.
struct Planes {
  int32_t origin = 0;
  int32_t row = 0;
  int32_t plane = 0;
  int32_t image = 0;
  int32_t width = 0;
  int32_t height = 0;
  int32_t channels = 0;
  int32_t batch = 0;

  // Of all images; without what lies between planes and rows.
  int64_t pixels() const { return int64_t{batch} * height * width; }
  int64_t elements() const { return pixels() * channels; }
};

struct DeviceTensor {
  const Buffer* memory = nullptr;
  Planes planes;
};

// Constants, 4 bytes each, from element `first` on. Without memory: none.
struct DeviceArray {
  const Buffer* memory = nullptr;
  int32_t first = 0;
};

// What becomes of a sum: clamped, then a function of one tensor.
struct Epilogue {
  ActivationRange range = {-kNoLimit, kNoLimit};
  std::optional<Elementwise> function;
  float s = 1.0f;        // the function's number
  DeviceArray channels;  // [channels] in place of s; of kLeakyRelu

  static constexpr float kNoLimit = __builtin_inff();
};

// Block-sparse convolution. Output pixel (y, x) of block b's lane is input element
//   offsets[b] + origin + image * batch + y * stride_h * row + x * stride_w
// so a lane's place in the window, dilation and padding included, is in its offset, and where windows
// reach outside the image there must be zeros.
struct SparseConvolutionCall {
  DeviceTensor input;
  DeviceTensor output;
  DeviceTensor residual;  // added before the clamp; of the output's shape, and may be it
  Epilogue epilogue;
  int block_size = 4;      // 1, 2, 4, 8 or 16
  int lanes_together = 1;  // 4: as FoursOf() of sparse_weights.h makes offsets, one for four blocks
  int tile = 64;           // ChooseSparseTiling() of tiling.h says tile, pixels_per_item and ranges
  int pixels_per_item = 4;  // 1, 2 or 4
  DeviceArray first;        // int [out_channels + 1]: of each start channel, the first block
  DeviceArray offsets;      // int [blocks / lanes_together]
  DeviceArray values;       // float [blocks, block_size], rotated; `first` a multiple of 16
  DeviceArray bias;         // float [out_channels + 2 * block_size], zeros behind
  DeviceArray ranges;       // int [range_count + 1]: CutRanges() of sparse_weights.h
  int range_count = 1;
  int stride_h = 1;
  int stride_w = 1;
  std::optional<bool> wide_addresses;  // in place of what the device's quirks say
};
Status MakeSparseConvolution(Context* context, Precision precision,
                             const SparseConvolutionCall& call, Launch* launch);

// Dense convolution; lanes and offsets as above. `weights` and `bias` are as PackDense() of
// dense_weights.h makes them.
struct DenseConvolutionCall {
  DeviceTensor input;
  DeviceTensor output;
  DeviceTensor residual;  // likewise
  Epilogue epilogue;
  int channels_per_item = 8;  // 4, 8 or 16: that of PackDense()
  int pixels_per_item = 4;  // 1, 2, 4 or 8: ChooseDenseTiling() of tiling.h says both and the tile
  int tile = 64;
  int lanes = 0;
  DeviceArray offsets;  // int [lanes]; `first` a multiple of 4
  DeviceArray weights;  // float; `first` a multiple of 16
  DeviceArray bias;     // float
  int stride_h = 1;
  int stride_w = 1;
  std::optional<bool> wide_addresses;
};
Status MakeDenseConvolution(Context* context, Precision precision, const DenseConvolutionCall& call,
                            Launch* launch);

// A matrix [rows, in_channels] times weights, with few rows: a work-group adds up for one row. With
// more (FewRows() of tiling.h) a DenseConvolutionCall whose lane k has the offset k * plane. `weights`
// and `bias` as there.
struct FullyConnectedCall {
  DeviceTensor input;
  DeviceTensor output;
  Epilogue epilogue;
  int channels_per_item = 8;
  DeviceArray weights;
  DeviceArray bias;
};
Status MakeFullyConnected(Context* context, Precision precision, const FullyConnectedCall& call,
                          Launch* launch);

// Depthwise convolution; zeros around the input as far as windows reach.
struct DepthwiseCall {
  DeviceTensor input;
  DeviceTensor output;
  Epilogue epilogue;
  DeviceArray weights;  // float [channels, kernel_h * kernel_w]
  DeviceArray bias;     // float [channels]
  int kernel_h = 3, kernel_w = 3;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;
  int pad_top = 0, pad_left = 0;
  int pixels_per_item = 0;  // 1, 2 or 4; 0: as suits device and shape
};
Status MakeDepthwise(Context* context, Precision precision, const DepthwiseCall& call,
                     Launch* launch);

// Maximum or average over windows. Reads no halo. NaN does not count to a maximum.
struct PoolCall {
  DeviceTensor input;
  DeviceTensor output;
  Epilogue epilogue;
  PoolKind kind = PoolKind::kMax;
  bool zeros_count = false;  // the padding is zeros that an op has absorbed; else it does not count
  int kernel_h = 2, kernel_w = 2;
  int stride_h = 2, stride_w = 2;
  int pad_top = 0, pad_left = 0;
};
Status MakePool(Context* context, Precision precision, const PoolCall& call, Launch* launch);

// The mean over each plane's pixels; output [batch, 1, 1, channels].
struct MeanCall {
  DeviceTensor input;
  DeviceTensor output;
};
Status MakeMean(Context* context, Precision precision, const MeanCall& call, Launch* launch);

// A function of one tensor or two. Operands broadcast: an axis of size 1 is read again and again. An
// operand of the output's shape may be the output.
struct ElementwiseCall {
  Elementwise function = Elementwise::kAdd;  // all but kMultiplyAdd
  DeviceTensor first;
  DeviceTensor second;  // of kAdd, kSubtract, kMultiply and kPRelu
  DeviceTensor output;
  float s = 1.0f, t = 0.0f;  // the function's numbers
  DeviceArray scale;         // [channels] in place of s; of kScale and kLeakyRelu
  DeviceArray offset;        // [channels] in place of t; of kScale, with `scale`
  ActivationRange range = {-Epilogue::kNoLimit, Epilogue::kNoLimit};
};
Status MakeElementwise(Context* context, Precision precision, const ElementwiseCall& call,
                       Launch* launch);

// Over the channels of each pixel; input and output may be the same.
struct SoftmaxCall {
  DeviceTensor input;
  DeviceTensor output;
  float beta = 1.0f;
};
Status MakeSoftmax(Context* context, Precision precision, const SoftmaxCall& call, Launch* launch);

// `resize` says kind and flags; sizes are the tensors'.
struct ResizeCall {
  DeviceTensor input;
  DeviceTensor output;
  ResizeOp resize;
};
Status MakeResize(Context* context, Precision precision, const ResizeCall& call, Launch* launch);

// DepthToSpaceOp, with its crop; sizes are the tensors'.
struct DepthToSpaceCall {
  DeviceTensor input;
  DeviceTensor output;
  int block_h = 2, block_w = 2;
  int crop_top = 0, crop_left = 0;
};
Status MakeDepthToSpace(Context* context, Precision precision, const DepthToSpaceCall& call,
                        Launch* launch);

struct SpaceToDepthCall {
  DeviceTensor input;
  DeviceTensor output;
  int block = 2;
};
Status MakeSpaceToDepth(Context* context, Precision precision, const SpaceToDepthCall& call,
                        Launch* launch);

// Writes element (b, y, x, c) of the input to (b + batch, y + top, x + left, c + channel) of the
// output. `fills`: and `around` to all other pixels of the output, as PAD does, whose input may be
// empty; CONCATENATION is a call without for each input.
struct CopyCall {
  DeviceTensor input;
  DeviceTensor output;
  int batch = 0, channel = 0, top = 0, left = 0;
  bool fills = false;
  float around = 0.0f;
};
Status MakeCopy(Context* context, Precision precision, const CopyCall& call, Launch* launch);

// The first elements, counted in the order of NHWC, in another shape.
struct ReshapeCall {
  DeviceTensor input;
  DeviceTensor output;
};
Status MakeReshape(Context* context, Precision precision, const ReshapeCall& call, Launch* launch);

// TransposeOp: of [batch, channels, height, width] the channels are what planes have as their height.
struct TransposeCall {
  DeviceTensor input;
  DeviceTensor output;
  bool to_nhwc = true;
};
Status MakeTranspose(Context* context, Precision precision, const TransposeCall& call,
                     Launch* launch);

// Between NHWC [batch, height, width, channels] floats in a buffer of their own, as the interpreter has
// them, and planes.
struct ToPlanesCall {
  const Buffer* image = nullptr;
  DeviceTensor output;
};
Status MakeToPlanes(Context* context, Precision precision, const ToPlanesCall& call,
                    Launch* launch);

struct ToImageCall {
  DeviceTensor input;
  const Buffer* image = nullptr;
};
Status MakeToImage(Context* context, Precision precision, const ToImageCall& call, Launch* launch);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_CALLS_H_
