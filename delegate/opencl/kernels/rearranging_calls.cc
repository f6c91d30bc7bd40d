// SPDX-License-Identifier: Apache-2.0
// What moves elements, or takes pixels from in between.
#include <string>

#include "delegate/graph/dims.h"
#include "delegate/opencl/kernels/call_parts.h"
#include "delegate/opencl/kernels/calls.h"

namespace ubp::opencl {
namespace {

// As TensorFlow Lite has it, in float32.
float ScaleOf(bool align_corners, int in_size, int out_size) {
  if (align_corners && out_size > 1) {
    return static_cast<float>(in_size - 1) / static_cast<float>(out_size - 1);
  }
  return static_cast<float>(in_size) / static_cast<float>(out_size);
}

Status Unsuitable(const char* kernel, const std::string& expected) {
  return Status::Error(std::string("input and output of ") + kernel +
                       " do not suit each other, expected " + expected);
}

// NHWC floats of the host.
Status CheckImage(const char* kernel, const Buffer* image, const Planes& planes) {
  const int64_t elements = planes.elements();
  const int64_t have = image == nullptr ? 0 : static_cast<int64_t>(image->bytes() / sizeof(float));
  if (have >= elements && elements <= kMaxElements) return Status::Ok();
  return Status::Error(std::string("the image of ") + kernel + " has " + std::to_string(have) +
                       " values, expected " + std::to_string(elements));
}

}  // namespace

Status MakeResize(Context* context, Precision precision, const ResizeCall& call, Launch* launch) {
  constexpr char kName[] = "resize";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  const Planes& in = call.input.planes;
  const Planes& out = call.output.planes;
  if (in.batch != out.batch || in.channels != out.channels) {
    return Unsuitable(kName, "as many images and channels");
  }
  const bool bilinear = call.resize.kind == ResizeKind::kBilinear;
  UBP_RETURN_IF_ERROR(
      MakeLaunch(context, kName, precision, {{"BILINEAR", bilinear ? "1" : ""}}, launch));
  const cl_int per_item = DividePixels(*context, out, launch);
  const bool corners = call.resize.align_corners;
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(in)
      .Add(out)
      .Add(cl_float2{
          {ScaleOf(corners, in.height, out.height), ScaleOf(corners, in.width, out.width)}})
      .Add(cl_int2{{corners ? 1 : 0, call.resize.half_pixel_centers ? 1 : 0}})
      .Add(per_item)
      .status();
}

Status MakeDepthToSpace(Context* context, Precision precision, const DepthToSpaceCall& call,
                        Launch* launch) {
  constexpr char kName[] = "depth_to_space";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  const Planes& in = call.input.planes;
  const Planes& out = call.output.planes;
  const int64_t phases = int64_t{call.block_h} * call.block_w;
  if (call.block_h < 1 || call.block_w < 1 || in.batch != out.batch ||
      in.channels != phases * out.channels || call.crop_top < 0 || call.crop_left < 0 ||
      call.crop_top + int64_t{out.height} > int64_t{in.height} * call.block_h ||
      call.crop_left + int64_t{out.width} > int64_t{in.width} * call.block_w) {
    return Unsuitable(kName, "blocks of the input's channels to hold the output");
  }
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const cl_int per_item = DividePixels(*context, out, launch);
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(in)
      .Add(out)
      .Add(cl_int4{{call.block_h, call.block_w, call.crop_top, call.crop_left}})
      .Add(per_item)
      .status();
}

Status MakeSpaceToDepth(Context* context, Precision precision, const SpaceToDepthCall& call,
                        Launch* launch) {
  constexpr char kName[] = "space_to_depth";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  const Planes& in = call.input.planes;
  const Planes& out = call.output.planes;
  const int64_t block = call.block;
  if (block < 1 || in.batch != out.batch || out.channels != block * block * in.channels ||
      out.height * block > in.height || out.width * block > in.width) {
    return Unsuitable(kName, "blocks of the input to be the output's channels");
  }
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const cl_int per_item = DividePixels(*context, out, launch);
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(in)
      .Add(out)
      .Add(cl_int{call.block})
      .Add(per_item)
      .status();
}

Status MakeCopy(Context* context, Precision precision, const CopyCall& call, Launch* launch) {
  constexpr char kName[] = "copy";
  if (call.fills && call.input.planes.elements() == 0) {
    UBP_RETURN_IF_ERROR(CheckTensor("the output of copy", call.output, precision));
  } else {
    UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  }
  const Planes& in = call.input.planes;
  const Planes& out = call.output.planes;
  if (call.batch < 0 || call.channel < 0 || call.top < 0 || call.left < 0 ||
      call.batch + int64_t{in.batch} > out.batch ||
      call.channel + int64_t{in.channels} > out.channels ||
      call.top + int64_t{in.height} > out.height || call.left + int64_t{in.width} > out.width) {
    return Unsuitable(kName, "the input to lie inside of the output");
  }
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const Planes& region = call.fills ? out : in;
  const cl_int per_item = DividePixels(*context, region, launch);
  const cl_int4 place = {{call.batch, call.channel, call.top, call.left}};
  const cl_int4 nowhere = {{0, 0, 0, 0}};
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(in)
      .Add(out)
      .Add(region)
      .Add(call.fills ? nowhere : place)
      .Add(call.fills ? place : nowhere)
      .Add(call.around)
      .Add(per_item)
      .status();
}

Status MakeReshape(Context* context, Precision precision, const ReshapeCall& call, Launch* launch) {
  constexpr char kName[] = "reshape";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  if (call.input.planes.elements() < call.output.planes.elements()) {
    return Unsuitable(kName, "as many elements at least in the input");
  }
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const cl_int per_item = DividePixels(*context, call.output.planes, launch);
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(call.input.planes)
      .Add(call.output.planes)
      .Add(per_item)
      .status();
}

Status MakeTranspose(Context* context, Precision precision, const TransposeCall& call,
                     Launch* launch) {
  constexpr char kName[] = "transpose";
  UBP_RETURN_IF_ERROR(CheckTensors(kName, call.input, call.output, precision));
  const Planes& in = call.input.planes;
  const Planes& out = call.output.planes;
  const Planes& first = call.to_nhwc ? in : out;  // that has the channels first
  const Planes& last = call.to_nhwc ? out : in;
  if (in.batch != out.batch || first.height != last.channels || first.width != last.height ||
      first.channels != last.width) {
    return Unsuitable(kName, "the channels of one to be the height of the other");
  }
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const cl_int per_item = DividePixels(*context, out, launch);
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.output.memory)
      .Add(in)
      .Add(out)
      .Add(cl_int{call.to_nhwc ? 1 : 0})
      .Add(per_item)
      .status();
}

Status MakeToPlanes(Context* context, Precision precision, const ToPlanesCall& call,
                    Launch* launch) {
  constexpr char kName[] = "to_planes";
  UBP_RETURN_IF_ERROR(CheckTensor("the output of to_planes", call.output, precision));
  UBP_RETURN_IF_ERROR(CheckImage(kName, call.image, call.output.planes));
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const cl_int per_item = DividePixels(*context, call.output.planes, launch);
  return Arguments(&launch->kernel)
      .Add(*call.image)
      .Add(*call.output.memory)
      .Add(call.output.planes)
      .Add(per_item)
      .status();
}

Status MakeToImage(Context* context, Precision precision, const ToImageCall& call, Launch* launch) {
  constexpr char kName[] = "to_image";
  UBP_RETURN_IF_ERROR(CheckTensor("the input of to_image", call.input, precision));
  UBP_RETURN_IF_ERROR(CheckImage(kName, call.image, call.input.planes));
  UBP_RETURN_IF_ERROR(MakeLaunch(context, kName, precision, {}, launch));
  const cl_int per_item = DividePixels(*context, call.input.planes, launch);
  return Arguments(&launch->kernel)
      .Add(*call.input.memory)
      .Add(*call.image)
      .Add(call.input.planes)
      .Add(per_item)
      .status();
}

}  // namespace ubp::opencl
