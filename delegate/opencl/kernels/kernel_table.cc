// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/kernels/kernel_table.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "delegate/opencl/kernels/kernel_sources.h"
#include "delegate/opencl/runtime/context.h"

namespace ubp::opencl {
namespace {

const std::vector<std::string> kNoOrYes = {"", "1"};
// Of one tensor, by what elementwise_function.h calls them. Their numbers are those of common.cl.
const std::vector<std::string> kFunctions = {
    "",     "SCALE", "LEAKY_RELU", "ELU",  "HARD_SWISH", "LOGISTIC", "SWISH",
    "MISH", "GELU",  "GELU_TANH",  "TANH", "EXP",        "LOG",      "SOFTPLUS"};

std::vector<KernelFamily> MakeFamilies() {
  const KernelAxis function = {"FUNCTION", kFunctions};
  const KernelAxis channels = {"FUNCTION_CHANNELS", kNoOrYes};
  const KernelAxis residual = {"RESIDUAL", kNoOrYes};
  const KernelAxis tile = {"TILE", {"64", "16"}};
  const KernelAxis addresses = {"WIDE_ADDRESSES", kNoOrYes};
  return {
      {"sparse_convolution",
       kSparseConvolutionSource,
       {"sparse_convolution"},
       {{"N", {"4", "1", "2", "8", "16"}, true},
        {"V", {"4", "1", "2"}, true},
        tile,
        addresses,
        {"LANES", {"1", "4"}},
        residual,
        function,
        channels},
       true,
       64},
      {"dense_convolution",
       kDenseConvolutionSource,
       {"dense_convolution"},
       {{"M", {"8", "4", "16"}, true},
        {"V", {"4", "1", "2", "8"}, true},
        tile,
        addresses,
        residual,
        function,
        channels},
       true,
       64},
      {"fully_connected",
       kFullyConnectedSource,
       {"fully_connected"},
       {{"M", {"8", "4", "16"}, true}, function, channels}},
      {"depthwise",
       kDepthwiseSource,
       {"depthwise"},
       {{"TAPS", {"3", "5", "0"}, true}, {"V", {"1", "2", "4"}, true}, function, channels},
       true},
      {"pool", kPoolSource, {"pool"}, {{"MAXIMUM", kNoOrYes, true}, function, channels}},
      {"elementwise",
       kElementwiseSource,
       {"elementwise"},
       {{"OPERATION", {"", "ADD", "SUBTRACT", "MULTIPLY", "PRELU"}}, function, channels}},
      {"mean", kMeanSource, {"mean"}, {}},
      {"softmax", kSoftmaxSource, {"softmax"}, {{"REDUCE", kNoOrYes, true}}},
      {"resize", kResizeSource, {"resize"}, {{"BILINEAR", kNoOrYes, true}}},
      {"rearrange",
       kRearrangeSource,
       {"depth_to_space", "space_to_depth", "copy", "reshape", "transpose", "to_planes",
        "to_image"},
       {}},
  };
}

std::string ValueOf(const Choice& choice, const std::string& name) {
  for (const auto& [axis, value] : choice) {
    if (name == axis) return value;
  }
  return "";
}

// What a call would not choose, and no source compiles with.
bool MakesSense(const KernelFamily& family, const Choice& choice) {
  const std::string function = ValueOf(choice, "FUNCTION");
  const std::string operation = ValueOf(choice, "OPERATION");
  if (!ValueOf(choice, "FUNCTION_CHANNELS").empty() && function != "LEAKY_RELU" &&
      !(function == "SCALE" && operation.empty() && family.source == kElementwiseSource)) {
    return false;
  }
  if (family.source == kElementwiseSource && function.empty() == operation.empty()) return false;
  if (family.max_accumulators == 0) return true;
  const std::string rows = ValueOf(choice, "N") + ValueOf(choice, "M");  // it has one of both
  return std::atoi(rows.c_str()) * std::atoi(ValueOf(choice, "V").c_str()) <=
         family.max_accumulators;
}

std::string OptionsOf(const KernelFamily& family, Precision precision, const Choice& choice) {
  std::string options = "-cl-std=CL1.2";
  if (precision != Precision::kFp32) options += " -DSTORAGE_HALF=1";
  if (precision == Precision::kFp16 && family.sums) options += " -DSUMS_HALF=1";
  for (const KernelAxis& axis : family.axes) {
    const std::string value = ValueOf(choice, axis.name);
    if (!value.empty()) options += std::string(" -D") + axis.name + "=" + value;
  }
  return options;
}

bool Has(const KernelFamily& family, const Choice& choice) {
  for (const auto& [name, value] : choice) {
    const std::string wanted = name;
    const auto axis = std::find_if(family.axes.begin(), family.axes.end(),
                                   [&](const KernelAxis& each) { return wanted == each.name; });
    if (axis == family.axes.end()) return false;
    if (std::find(axis->values.begin(), axis->values.end(), value) == axis->values.end()) {
      return false;
    }
  }
  for (const KernelAxis& axis : family.axes) {  // what has to be said and is not
    const std::string value = ValueOf(choice, axis.name);
    if (std::find(axis.values.begin(), axis.values.end(), value) == axis.values.end()) {
      return false;
    }
  }
  return MakesSense(family, choice);
}

const KernelFamily* FamilyOf(const std::string& function) {
  for (const KernelFamily& family : KernelFamilies()) {
    for (const char* const each : family.functions) {
      if (function == each) return &family;
    }
  }
  return nullptr;
}

// Every combination of the values of the axes from `axis` on that are crossed, or that are not.
void Combine(const KernelFamily& family, size_t axis, const Choice& choice,
             std::vector<Choice>* choices) {
  if (axis == family.axes.size()) {
    choices->push_back(choice);
    return;
  }
  const KernelAxis& next = family.axes[axis];
  for (size_t i = 0; i < (next.crossed ? next.values.size() : 1); ++i) {
    Choice longer = choice;
    longer.emplace_back(next.name, next.values[i]);
    Combine(family, axis + 1, longer, choices);
  }
}

std::vector<Choice> ChoicesOf(const KernelFamily& family) {
  std::vector<Choice> choices;
  Combine(family, 0, {}, &choices);
  const Choice usual = choices[0];
  for (size_t axis = 0; axis < family.axes.size(); ++axis) {
    if (family.axes[axis].crossed) continue;
    for (size_t i = 1; i < family.axes[axis].values.size(); ++i) {
      Choice other = usual;
      other[axis].second = family.axes[axis].values[i];
      choices.push_back(other);
      if (std::string(family.axes[axis].name) != "FUNCTION") continue;
      for (auto& [name, value] : other) {
        if (std::string(name) == "FUNCTION_CHANNELS") value = "1";
      }
      choices.push_back(other);
    }
  }
  return choices;
}

}  // namespace

const std::vector<KernelFamily>& KernelFamilies() {
  static const auto* const families = new std::vector<KernelFamily>(MakeFamilies());
  return *families;
}

std::vector<KernelVariant> ListVariants(Precision precision) {
  std::vector<KernelVariant> variants;
  for (const KernelFamily& family : KernelFamilies()) {
    for (const Choice& choice : ChoicesOf(family)) {
      if (!MakesSense(family, choice)) continue;
      variants.push_back({&family, precision, choice, OptionsOf(family, precision, choice)});
    }
  }
  return variants;
}

Status MakeVariant(Context* context, const char* function, Precision precision,
                   const Choice& choice, Kernel* kernel) {
  const KernelFamily* const family = FamilyOf(function);
  if (family == nullptr || !Has(*family, choice)) {
    return Status::Error(std::string("no kernel ") + function + " is made for " + Describe(choice) +
                         "; kernel_table.cc lists what there is");
  }
  return context->MakeKernel({family->source, function, OptionsOf(*family, precision, choice)},
                             kernel);
}

std::string Describe(const Choice& choice) {
  std::string text;
  for (const auto& [name, value] : choice) {
    if (value.empty()) continue;
    text += (text.empty() ? "" : " ") + std::string(name) + "=" + value;
  }
  return text;
}

}  // namespace ubp::opencl
