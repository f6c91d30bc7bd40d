// SPDX-License-Identifier: Apache-2.0
// Block-sparse and dense convolutions, and fully-connected layers.
#include <string>

#include "delegate/opencl/kernels/call_parts.h"
#include "delegate/opencl/kernels/calls.h"

namespace ubp::opencl {
namespace {

// Elements of vectors that kernels read.
constexpr int kOfVector = 16;
constexpr int kOfFour = 4;

Status CheckAligned(const char* kernel, const char* what, const DeviceArray& array, int elements) {
  if (array.memory != nullptr && array.first % elements == 0) return Status::Ok();
  return Status::Error(std::string("the ") + what + " of " + kernel +
                       (array.memory == nullptr
                            ? " have no memory"
                            : " begin at element " + std::to_string(array.first) +
                                  ", expected a multiple of " + std::to_string(elements)));
}

// Of either convolution.
template <class Call>
Status CheckConvolution(const char* kernel, const Call& call, Precision precision) {
  UBP_RETURN_IF_ERROR(CheckTensors(kernel, call.input, call.output, precision));
  if (call.input.planes.batch != call.output.planes.batch) {
    return Status::Error(std::string("input and output of ") + kernel + " are of " +
                         std::to_string(call.input.planes.batch) + " and " +
                         std::to_string(call.output.planes.batch) + " images, expected as many");
  }
  if (call.residual.memory == nullptr) return Status::Ok();
  UBP_RETURN_IF_ERROR(
      CheckTensor(std::string("the residual of ") + kernel, call.residual, precision));
  if (SameShape(call.residual.planes, call.output.planes)) return Status::Ok();
  return Status::Error(std::string("the residual of ") + kernel +
                       " has another shape than the output");
}

// Groups (of channels, tiles of pixels).
template <class Call>
void DivideTiles(const Call& call, int64_t groups, Launch* launch) {
  const int64_t tiles =
      DivideUp(call.output.planes.pixels(), int64_t{call.tile} * call.pixels_per_item);
  launch->local = {1, static_cast<size_t>(call.tile), 1};
  launch->global = {static_cast<size_t>(groups), static_cast<size_t>(tiles * call.tile), 1};
}

template <class Call>
Choice ChoiceOf(const Context& context, const Call& call, const char* rows_name, int rows) {
  const bool wide = call.wide_addresses.value_or(context.device().quirks.wide_addresses);
  Choice choice = {{rows_name, std::to_string(rows)},
                   {"V", std::to_string(call.pixels_per_item)},
                   {"TILE", std::to_string(call.tile)},
                   {"WIDE_ADDRESSES", wide ? "1" : ""},
                   {"RESIDUAL", call.residual.memory != nullptr ? "1" : ""}};
  AddEpilogue(call.epilogue, &choice);
  return choice;
}

}  // namespace

Status MakeSparseConvolution(Context* context, Precision precision,
                             const SparseConvolutionCall& call, Launch* launch) {
  constexpr char kName[] = "sparse_convolution";
  UBP_RETURN_IF_ERROR(CheckConvolution(kName, call, precision));
  UBP_RETURN_IF_ERROR(CheckAligned(kName, "values", call.values, kOfVector));
  Choice choice = ChoiceOf(*context, call, "N", call.block_size);
  choice.emplace_back("LANES", std::to_string(call.lanes_together));
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, choice, launch));
  DivideTiles(call, call.range_count, launch);
  const Buffer* const any = call.input.memory;
  const cl_int8 at = {{call.first.first, call.offsets.first, call.values.first, call.bias.first,
                       call.ranges.first, call.epilogue.channels.first, 0, 0}};
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(call.residual.memory, any)
      .Add(call.first.memory, any)
      .Add(call.offsets.memory, any)
      .Add(call.values.memory, any)
      .Add(call.bias.memory, any)
      .Add(call.ranges.memory, any)
      .Add(call.epilogue.channels.memory, any)
      .Add(call.input.planes)
      .Add(call.output.planes)
      .Add(call.residual.planes)
      .Add(at)
      .Add(cl_int2{{call.stride_h, call.stride_w}})
      .Add(call.epilogue.range)
      .Add(call.epilogue.s)
      .status();
}

Status MakeDenseConvolution(Context* context, Precision precision, const DenseConvolutionCall& call,
                            Launch* launch) {
  constexpr char kName[] = "dense_convolution";
  UBP_RETURN_IF_ERROR(CheckConvolution(kName, call, precision));
  UBP_RETURN_IF_ERROR(CheckAligned(kName, "weights", call.weights, kOfVector));
  UBP_RETURN_IF_ERROR(CheckAligned(kName, "offsets", call.offsets, kOfFour));
  const Choice choice = ChoiceOf(*context, call, "M", call.channels_per_item);
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, choice, launch));
  DivideTiles(call, DivideUp(call.output.planes.channels, call.channels_per_item), launch);
  const Buffer* const any = call.input.memory;
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(call.residual.memory, any)
      .Add(call.offsets.memory, any)
      .Add(call.weights.memory, any)
      .Add(call.bias.memory, any)
      .Add(call.epilogue.channels.memory, any)
      .Add(call.input.planes)
      .Add(call.output.planes)
      .Add(call.residual.planes)
      .Add(cl_int4{
          {call.offsets.first, call.weights.first, call.bias.first, call.epilogue.channels.first}})
      .Add(cl_int2{{call.stride_h, call.stride_w}})
      .Add(cl_int{call.lanes})
      .Add(call.epilogue.range)
      .Add(call.epilogue.s)
      .status();
}

Status MakeFullyConnected(Context* context, Precision precision, const FullyConnectedCall& call,
                          Launch* launch) {
  constexpr char kName[] = "fully_connected";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  UBP_RETURN_IF_ERROR(CheckAligned(kName, "weights", call.weights, kOfVector));
  const Planes& in = call.input.planes;
  const Planes& out = call.output.planes;
  if (in.pixels() != in.batch || out.pixels() != in.batch) {
    return Status::Error("input and output of fully_connected have " + std::to_string(in.pixels()) +
                         " and " + std::to_string(out.pixels()) +
                         " pixels, expected one for each of the " + std::to_string(in.batch) +
                         " rows");
  }
  Choice choice = {{"M", std::to_string(call.channels_per_item)}};
  AddEpilogue(call.epilogue, &choice);
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, choice, launch));
  launch->local = {kGroup, 1, 1};
  launch->global = {static_cast<size_t>(DivideUp(out.channels, call.channels_per_item)) * kGroup,
                    static_cast<size_t>(out.batch), 1};
  const Buffer* const any = call.input.memory;
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(call.weights.memory, any)
      .Add(call.bias.memory, any)
      .Add(call.epilogue.channels.memory, any)
      .Add(in)
      .Add(out)
      .Add(cl_int4{{call.weights.first, call.bias.first, call.epilogue.channels.first, 0}})
      .Add(call.epilogue.range)
      .Add(call.epilogue.s)
      .status();
}

}  // namespace ubp::opencl
