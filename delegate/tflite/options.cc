// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/options.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

namespace ubp {
namespace {

Status BadValue(const std::string& key, const std::string& value, const std::string& expected) {
  return Status::Error("the delegate option '" + key + "' is '" + value + "', expected " +
                       expected + ".");
}

Status ParseNumThreads(const std::string& key, const std::string& value, DelegateOptions* options) {
  char* end = nullptr;
  const long threads = std::strtol(value.c_str(), &end, 10);
  if (value.empty() || *end != '\0' || threads < 1 || threads > kMaxThreads) {
    return BadValue(key, value, "a number from 1 to " + std::to_string(kMaxThreads));
  }
  options->num_threads = static_cast<int>(threads);
  return Status::Ok();
}

Status ParseKernel(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value == "auto") {
    options->isa = &BestInstructionSet();
    return Status::Ok();
  }
  if (value == "reference") {
    options->isa = nullptr;
    return Status::Ok();
  }
  options->isa = FindInstructionSet(value.c_str());
  if (options->isa != nullptr) return Status::Ok();
  std::string expected = "one of auto, reference";
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (isa->supported()) expected += std::string(", ") + isa->name;
  }
  return BadValue(key, value, expected + " on this processor");
}

Status ParseLog(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value != "quiet" && value != "info") return BadValue(key, value, "quiet or info");
  options->log_info = value == "info";
  return Status::Ok();
}

Status ParseTake(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value == "auto") {
    options->take = Take::kAuto;
  } else if (value == "sparse") {
    options->take = Take::kSparse;
  } else if (value == "all") {
    options->take = Take::kAll;
  } else {
    return BadValue(key, value, "auto, sparse or all");
  }
  return Status::Ok();
}

Status ParseSparseFromDense(const std::string& key, const std::string& value,
                            DelegateOptions* options) {
  if (value != "on" && value != "off") return BadValue(key, value, "on or off");
  options->claim.sparse_from_dense = value == "on";
  return Status::Ok();
}

Status ParseReport(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value.empty()) return BadValue(key, value, "the path of a file to write");
  options->report = value;
  return Status::Ok();
}

Status ParseProfile(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value.empty()) return BadValue(key, value, "the path of a file to write");
  options->profile = value;
  return Status::Ok();
}

Status ParseWeightCache(const std::string& key, const std::string& value,
                        DelegateOptions* options) {
  if (value.empty()) return BadValue(key, value, "the path of a file");
  options->weight_cache = value;
  return Status::Ok();
}

Status ParseBackend(const std::string& key, const std::string& value, DelegateOptions* options) {
  using Choice = DelegateOptions::BackendChoice;
  if (value == "cpu") {
    options->backend = Choice::kCpu;
  } else if (value == "gpu") {
    options->backend = Choice::kGpu;
  } else if (value == "auto") {
    options->backend = Choice::kAuto;
  } else {
    return BadValue(key, value, "cpu, gpu or auto");
  }
  return Status::Ok();
}

Status ParsePrecision(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value == "fp32") {
    options->precision = opencl::Precision::kFp32;
  } else if (value == "fp16_storage") {
    options->precision = opencl::Precision::kFp16Storage;
  } else if (value == "fp16") {
    options->precision = opencl::Precision::kFp16;
  } else {
    return BadValue(key, value, "fp32, fp16_storage or fp16");
  }
  return Status::Ok();
}

Status ParseGpuDevice(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value.empty()) return BadValue(key, value, "a device's number or a part of its name");
  options->gpu_device = value;
  return Status::Ok();
}

Status ParseGpuCache(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value.empty()) return BadValue(key, value, "the path of a directory");
  options->gpu_cache = value;
  return Status::Ok();
}

Status ParseGpuTune(const std::string& key, const std::string& value, DelegateOptions* options) {
  if (value != "on" && value != "off") return BadValue(key, value, "on or off");
  options->gpu_tune = value == "on";
  return Status::Ok();
}

struct RuleSwitch {
  const char* name;
  bool PlanRules::*rule;
};

constexpr RuleSwitch kRules[] = {{"dead_pixels", &PlanRules::skip_dead_pixels},
                                 {"fused_depthwise", &PlanRules::fuse_depthwise},
                                 {"fused_functions", &PlanRules::fuse_functions},
                                 {"placed_concatenations", &PlanRules::place_concatenations},
                                 {"strips", &PlanRules::use_strips}};

// Names of rules joined by '+', as in strips+dead_pixels: no value may have a ':' or ';'.
Status ParseWithout(const std::string& key, const std::string& value, DelegateOptions* options) {
  for (size_t begin = 0; begin <= value.size();) {
    const size_t end = std::min(value.find('+', begin), value.size());
    const std::string name = value.substr(begin, end - begin);
    std::string known;
    bool found = false;
    for (const RuleSwitch& rule : kRules) {
      if (name == rule.name) options->rules.*rule.rule = false;
      found = found || name == rule.name;
      known += (known.empty() ? "" : ", ") + std::string(rule.name);
    }
    if (!found) return BadValue(key, value, "one or more of " + known + ", joined by '+'");
    begin = end + 1;
  }
  return Status::Ok();
}

struct Option {
  const char* key;
  Status (*parse)(const std::string& key, const std::string& value, DelegateOptions* options);
};

constexpr Option kOptions[] = {{"backend", &ParseBackend},
                               {"gpu_cache", &ParseGpuCache},
                               {"gpu_device", &ParseGpuDevice},
                               {"gpu_tune", &ParseGpuTune},
                               {"kernel", &ParseKernel},
                               {"log", &ParseLog},
                               {"num_threads", &ParseNumThreads},
                               {"precision", &ParsePrecision},
                               {"profile", &ParseProfile},
                               {"report", &ParseReport},
                               {"sparse_from_dense", &ParseSparseFromDense},
                               {"take", &ParseTake},
                               {"weight_cache", &ParseWeightCache},
                               {"without", &ParseWithout}};

Status ParseOption(const std::string& key, const std::string& value, DelegateOptions* options) {
  std::string known;
  for (const Option& option : kOptions) {
    if (key == option.key) return option.parse(key, value, options);
    known += (known.empty() ? "" : ", ") + std::string(option.key);
  }
  return Status::Error("the delegate has no option '" + key + "'; its options are " + known + ".");
}

}  // namespace

Status ParseOptions(const char* const* keys, const char* const* values, size_t count,
                    DelegateOptions* options) {
  *options = DelegateOptions();
  std::set<std::string> seen;
  for (size_t i = 0; i < count; ++i) {
    if (keys[i] == nullptr || values[i] == nullptr)
      return Status::Error("a delegate option has no key or no value.");
    if (!seen.insert(keys[i]).second) {
      return Status::Error("the delegate option '" + std::string(keys[i]) + "' is given twice.");
    }
    UBP_RETURN_IF_ERROR(ParseOption(keys[i], values[i], options));
  }
  return Status::Ok();
}

}  // namespace ubp
