// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions, pooling, and what reduces or computes element by element.
#include <algorithm>
#include <string>

#include "delegate/opencl/kernels/call_parts.h"
#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/kernels/tiling.h"

namespace ubp::opencl {
namespace {

// Pixels from which on softmax has an item for each.
constexpr int64_t kManyPixels = 1024;

Status CheckChannels(const char* kernel, const Planes& in, const Planes& out) {
  if (in.batch == out.batch && in.channels == out.channels) return Status::Ok();
  return Status::Error(std::string("input and output of ") + kernel +
                       " differ in their images or channels, expected as many");
}

// The height and width of kernels that are compiled for it, or 0.
int UnrolledTaps(const DepthwiseCall& call) {
  const bool square = call.kernel_h == call.kernel_w;
  const bool compiled = call.kernel_h == 3 || call.kernel_h == 5;
  const bool dilated = call.dilation_h > 1 || call.dilation_w > 1;
  return square && compiled && !dilated ? call.kernel_h : 0;
}

// An axis of size 1 is read again and again. `x_stride` is that of a row's elements.
Planes Broadcast(Planes planes, const Planes& over, cl_int* x_stride) {
  *x_stride = planes.width < over.width ? 0 : 1;
  if (planes.height < over.height) planes.row = 0;
  if (planes.channels < over.channels) planes.plane = 0;
  if (planes.batch < over.batch) planes.image = 0;
  return planes;
}

Status CheckOperand(const DeviceTensor& operand, const Planes& out, Precision precision) {
  UBP_RETURN_IF_ERROR(CheckTensor("an operand of elementwise", operand, precision));
  const Planes& p = operand.planes;
  const auto suits = [](int have, int want) { return have == want || have == 1; };
  if (suits(p.batch, out.batch) && suits(p.height, out.height) && suits(p.width, out.width) &&
      suits(p.channels, out.channels)) {
    return Status::Ok();
  }
  return Status::Error("an operand of elementwise does not broadcast to the output's shape");
}

const char* OperationOf(Elementwise function) {
  switch (function) {
    case Elementwise::kAdd:
      return "ADD";
    case Elementwise::kSubtract:
      return "SUBTRACT";
    case Elementwise::kMultiply:
      return "MULTIPLY";
    case Elementwise::kPRelu:
      return "PRELU";
    default:
      return "";
  }
}

Choice ChoiceOf(const ElementwiseCall& call) {
  const std::string operation = OperationOf(call.function);
  Choice choice = {{"OPERATION", operation}};
  if (operation.empty()) {
    Epilogue function;
    function.function = call.function;
    function.channels = call.scale;
    AddEpilogue(function, &choice);
  }
  return choice;
}

}  // namespace

Status MakeDepthwise(Context* context, Precision precision, const DepthwiseCall& call,
                     Launch* launch) {
  constexpr char kName[] = "depthwise";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  UBP_RETURN_IF_ERROR(CheckChannels(kName, call.input.planes, call.output.planes));
  const Planes& out = call.output.planes;
  const DepthwiseTiling tiling =
      ChooseDepthwiseTiling(ShapeOf(context->device()), out.pixels(), out.channels,
                            std::max(call.kernel_h, call.kernel_w));
  const int pixels = call.pixels_per_item > 0 ? call.pixels_per_item : tiling.pixels_per_item;
  Choice choice = {{"TAPS", std::to_string(UnrolledTaps(call))}, {"V", std::to_string(pixels)}};
  AddEpilogue(call.epilogue, &choice);
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, choice, launch));
  launch->local = {1, kGroup, 1};
  launch->global = {static_cast<size_t>(DivideUp(out.channels, tiling.channels_per_group)),
                    static_cast<size_t>(DivideUp(out.pixels(), int64_t{kGroup} * pixels) * kGroup),
                    1};
  const Buffer* const any = call.input.memory;
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(call.weights.memory, any)
      .Add(call.bias.memory, any)
      .Add(call.epilogue.channels.memory, any)
      .Add(call.input.planes)
      .Add(out)
      .Add(cl_int4{{call.weights.first, call.bias.first, call.epilogue.channels.first, 0}})
      .Add(cl_int8{{call.kernel_h, call.kernel_w, call.stride_h, call.stride_w, call.dilation_h,
                    call.dilation_w, call.pad_top, call.pad_left}})
      .Add(cl_int{tiling.channels_per_group})
      .Add(call.epilogue.range)
      .Add(call.epilogue.s)
      .status();
}

Status MakePool(Context* context, Precision precision, const PoolCall& call, Launch* launch) {
  constexpr char kName[] = "pool";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  UBP_RETURN_IF_ERROR(CheckChannels(kName, call.input.planes, call.output.planes));
  Choice choice = {{"MAXIMUM", call.kind == PoolKind::kMax ? "1" : ""}};
  AddEpilogue(call.epilogue, &choice);
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, choice, launch));
  const cl_int per_item = DividePixels(*context, call.output.planes, launch);
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(call.epilogue.channels.memory, call.input.memory)
      .Add(call.input.planes)
      .Add(call.output.planes)
      .Add(cl_int{call.epilogue.channels.first})
      .Add(cl_int8{{call.kernel_h, call.kernel_w, call.stride_h, call.stride_w,
                    call.zeros_count ? 1 : 0, 0, call.pad_top, call.pad_left}})
      .Add(per_item)
      .Add(call.epilogue.range)
      .Add(call.epilogue.s)
      .status();
}

Status MakeMean(Context* context, Precision precision, const MeanCall& call, Launch* launch) {
  constexpr char kName[] = "mean";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  UBP_RETURN_IF_ERROR(CheckChannels(kName, call.input.planes, call.output.planes));
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const Planes& in = call.input.planes;
  launch->local = {kGroup, 1, 1};
  launch->global = {static_cast<size_t>(in.channels) * kGroup, static_cast<size_t>(in.batch), 1};
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(in)
      .Add(call.output.planes)
      .status();
}

Status MakeElementwise(Context* context, Precision precision, const ElementwiseCall& call,
                       Launch* launch) {
  constexpr char kName[] = "elementwise";
  const Planes& out = call.output.planes;
  UBP_RETURN_IF_ERROR(CheckTensor("the output of elementwise", call.output, precision));
  UBP_RETURN_IF_ERROR(CheckOperand(call.first, out, precision));
  const bool two = *OperationOf(call.function) != '\0';
  if (two) UBP_RETURN_IF_ERROR(CheckOperand(call.second, out, precision));
  if (call.function == Elementwise::kScale &&
      (call.scale.memory == nullptr) != (call.offset.memory == nullptr)) {
    return Status::Error(
        "elementwise has numbers of each channel to multiply by or to add, "
        "expected both or none");
  }
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, ChoiceOf(call), launch));
  const cl_int per_item = DividePixels(*context, out, launch);
  cl_int2 x_strides = {{1, 1}};
  const Planes first = Broadcast(call.first.planes, out, &x_strides.s[0]);
  const Planes second = two ? Broadcast(call.second.planes, out, &x_strides.s[1]) : first;
  const Buffer* const any = call.first.memory;
  // Slopes have no number t: what is read in its place does not count.
  const DeviceArray offset = call.offset.memory != nullptr ? call.offset : call.scale;
  return Arguments(&launch->kernel)
      .Add(*call.first.memory)
      .Add(two ? call.second.memory : any, any)
      .Add(*call.output.memory)
      .Add(call.scale.memory, any)
      .Add(offset.memory, any)
      .Add(first)
      .Add(second)
      .Add(out)
      .Add(x_strides)
      .Add(cl_int2{{call.scale.first, offset.first}})
      .Add(per_item)
      .Add(call.range)
      .Add(call.s)
      .Add(call.t)
      .status();
}

Status MakeSoftmax(Context* context, Precision precision, const SoftmaxCall& call, Launch* launch) {
  constexpr char kName[] = "softmax";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  const Planes& out = call.output.planes;
  if (!SameShape(call.input.planes, out)) {
    return Status::Error("input and output of softmax differ in their shapes");
  }
  const int64_t pixels = out.pixels();
  const bool reduce = pixels < kManyPixels;
  UBP_RETURN_IF_ERROR(
      MakeLaunch(context, kName, precision, {{"REDUCE", reduce ? "1" : ""}}, launch));
  const int64_t items = reduce ? pixels : DivideUp(pixels, kGroup);
  launch->local = {kGroup, 1, 1};
  launch->global = {static_cast<size_t>(items) * kGroup, 1, 1};
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(call.input.planes)
      .Add(out)
      .Add(call.beta)
      .status();
}

}  // namespace ubp::opencl
