// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/kernels/call_parts.h"

#include <algorithm>
#include <array>

namespace ubp::opencl {
namespace {

// Names of common.cl, by Elementwise; "" where it is none of one tensor.
constexpr std::array<const char*, static_cast<size_t>(Elementwise::kCount)> kFunctions = {
    "",         "",      "",     "SCALE", "",          "LEAKY_RELU", "",    "ELU", "HARD_SWISH",
    "LOGISTIC", "SWISH", "MISH", "GELU",  "GELU_TANH", "TANH",       "EXP", "LOG", "SOFTPLUS"};

// Kernels count elements, and convolutions bytes, in 32 bits.
constexpr int64_t kMostBytes = (int64_t{1} << 32) - 1;
constexpr int64_t kMostElements = (int64_t{1} << 31) - 1;

// Work-items of a compute unit that keep it busy; with fewer, an item has one channel only.
constexpr int64_t kItemsPerUnit = 512;
constexpr int kMostChannelsPerItem = 4;
// Pixels that are too few for a group.
constexpr int64_t kFew = 16;

}  // namespace

Arguments& Arguments::Add(const Planes& p) {
  return Add(cl_int8{{p.origin, p.row, p.plane, p.image, p.width, p.height, p.channels, p.batch}});
}

Status CheckTensor(const std::string& what, const DeviceTensor& tensor, Precision precision) {
  const Planes& p = tensor.planes;
  if (tensor.memory == nullptr || tensor.memory->handle() == nullptr) {
    return Status::Error(what + " has no memory");
  }
  if (p.batch < 1 || p.height < 1 || p.width < 1 || p.channels < 1) {
    return Status::Error(what + " has no elements, expected one at least");
  }
  const int64_t last = p.origin + int64_t{p.batch - 1} * p.image +
                       int64_t{p.channels - 1} * p.plane + int64_t{p.height - 1} * p.row + p.width -
                       1;
  const auto element = static_cast<int64_t>(ElementBytes(precision));
  const int64_t have = static_cast<int64_t>(tensor.memory->bytes()) / element;
  if (p.origin < 0 || last >= have) {
    return Status::Error(what + " reaches from element " + std::to_string(p.origin) + " to " +
                         std::to_string(last) + " of a buffer of " + std::to_string(have));
  }
  if (last > kMostElements || last * element > kMostBytes) {
    return Status::Error(what + " reaches to element " + std::to_string(last) +
                         ", which 32 bits do not; run it with a smaller batch");
  }
  return Status::Ok();
}

Status CheckTensors(const char* kernel, const DeviceTensor& input, const DeviceTensor& output,
                    Precision precision) {
  UBP_RETURN_IF_ERROR(CheckTensor(std::string("the input of ") + kernel, input, precision));
  return CheckTensor(std::string("the output of ") + kernel, output, precision);
}

bool SameShape(const Planes& a, const Planes& b) {
  return a.batch == b.batch && a.height == b.height && a.width == b.width &&
         a.channels == b.channels;
}

void AddEpilogue(const Epilogue& epilogue, Choice* choice) {
  const char* const name =
      epilogue.function ? kFunctions[static_cast<size_t>(*epilogue.function)] : "";
  // Of two tensors: a name that no kernel has.
  choice->emplace_back("FUNCTION", epilogue.function && *name == '\0' ? "of two tensors" : name);
  choice->emplace_back("FUNCTION_CHANNELS", epilogue.channels.memory != nullptr ? "1" : "");
}

Status MakeLaunch(Context* context, const char* function, Precision precision, const Choice& choice,
                  Launch* launch) {
  UBP_RETURN_IF_ERROR(MakeVariant(context, function, precision, choice, &launch->kernel));
  const std::string variant = Describe(choice);
  launch->label = variant.empty() ? function : std::string(function) + " " + variant;
  return Status::Ok();
}

int DividePixels(const Context& context, const Planes& over, Launch* launch) {
  const int64_t pixels = over.pixels();
  const int64_t busy = kItemsPerUnit * std::max<int64_t>(1, context.device().compute_units);
  const int64_t per_item =
      std::clamp<int64_t>(pixels * over.channels / busy, 1, kMostChannelsPerItem);
  const int64_t rows = DivideUp(over.channels, per_item);
  // Groups of three shapes only: drivers on CPUs compile a kernel anew for each.
  const auto group = static_cast<int64_t>(
      std::min<size_t>(kGroup, std::max<size_t>(1, launch->kernel.max_work_group_size())));
  const int64_t across = pixels == 1 ? 1 : std::min<int64_t>(group, pixels <= kFew ? kFew : kGroup);
  const int64_t down = group / across;
  launch->local = {static_cast<size_t>(across), static_cast<size_t>(down), 1};
  launch->global = {static_cast<size_t>(DivideUp(pixels, across) * across),
                    static_cast<size_t>(DivideUp(rows, down) * down), 1};
  return static_cast<int>(per_item);
}

}  // namespace ubp::opencl
