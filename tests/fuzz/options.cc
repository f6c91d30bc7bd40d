// SPDX-License-Identifier: Apache-2.0
// The delegate's options: a line of the input for each, KEY=VALUE. One without a '=' has no value, one with nothing in front of it
// no key.

#include "delegate/tflite/options.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace ubp {
namespace {

struct KeyAndValue {
  std::optional<std::string> key;
  std::optional<std::string> value;
};

std::vector<KeyAndValue> SplitInput(std::string text) {
  std::replace(text.begin(), text.end(), '\0', '\n');  // as C has it, texts hold none
  std::vector<KeyAndValue> options;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const size_t equals = line.find('=');
    KeyAndValue option;
    if (equals != 0) option.key = line.substr(0, equals);
    if (equals != std::string::npos) option.value = line.substr(equals + 1);
    options.push_back(std::move(option));
    begin = end + 1;
  }
  return options;
}

Status Parse(const std::vector<KeyAndValue>& options, DelegateOptions* parsed) {
  std::vector<const char*> keys, values;
  for (const KeyAndValue& option : options) {
    keys.push_back(option.key ? option.key->c_str() : nullptr);
    values.push_back(option.value ? option.value->c_str() : nullptr);
  }
  return ParseOptions(keys.data(), values.data(), keys.size(), parsed);
}

// What options say, written so that reading it gives the same options.
std::vector<KeyAndValue> Write(const DelegateOptions& options) {
  std::vector<KeyAndValue> written = {
      {"kernel", options.isa != nullptr ? options.isa->name : "reference"}};
  if (options.num_threads > 0)
    written.push_back({"num_threads", std::to_string(options.num_threads)});
  const bool all = options.take == Take::kAll;
  written.push_back({"take", all ? "all" : options.take == Take::kAuto ? "auto" : "sparse"});
  written.push_back({"sparse_from_dense", options.claim.sparse_from_dense ? "on" : "off"});
  written.push_back({"log", options.log_info ? "info" : "quiet"});
  using Choice = DelegateOptions::BackendChoice;
  const bool on_cpu = options.backend == Choice::kCpu;
  written.push_back({"backend", on_cpu ? "cpu" : options.backend == Choice::kGpu ? "gpu" : "auto"});
  constexpr const char* kPrecisions[] = {"fp32", "fp16_storage", "fp16"};
  written.push_back({"precision", kPrecisions[static_cast<int>(options.precision)]});
  written.push_back({"gpu_tune", options.gpu_tune ? "on" : "off"});
  if (!options.gpu_cache.empty()) written.push_back({"gpu_cache", options.gpu_cache});
  if (!options.gpu_device.empty()) written.push_back({"gpu_device", options.gpu_device});
  if (!options.report.empty()) written.push_back({"report", options.report});
  if (!options.profile.empty()) written.push_back({"profile", options.profile});
  if (!options.weight_cache.empty()) written.push_back({"weight_cache", options.weight_cache});
  std::string without;
  if (!options.rules.skip_dead_pixels) without += "+dead_pixels";
  if (!options.rules.fuse_depthwise) without += "+fused_depthwise";
  if (!options.rules.fuse_functions) without += "+fused_functions";
  if (!options.rules.place_concatenations) without += "+placed_concatenations";
  if (!options.rules.use_strips) without += "+strips";
  if (!without.empty()) written.push_back({"without", without.substr(1)});
  return written;
}

void RequireSame(const DelegateOptions& a, const DelegateOptions& b) {
  UBP_REQUIRE(a.num_threads == b.num_threads);
  UBP_REQUIRE(a.isa == b.isa);
  UBP_REQUIRE(a.take == b.take);
  UBP_REQUIRE(a.claim.sparse_from_dense == b.claim.sparse_from_dense);
  UBP_REQUIRE(a.log_info == b.log_info);
  UBP_REQUIRE(a.backend == b.backend && a.precision == b.precision && a.gpu_tune == b.gpu_tune);
  UBP_REQUIRE(a.gpu_cache == b.gpu_cache && a.gpu_device == b.gpu_device);
  UBP_REQUIRE(a.report == b.report && a.profile == b.profile && a.weight_cache == b.weight_cache);
  UBP_REQUIRE(a.rules.skip_dead_pixels == b.rules.skip_dead_pixels);
  UBP_REQUIRE(a.rules.fuse_depthwise == b.rules.fuse_depthwise);
  UBP_REQUIRE(a.rules.fuse_functions == b.rules.fuse_functions);
  UBP_REQUIRE(a.rules.place_concatenations == b.rules.place_concatenations);
  UBP_REQUIRE(a.rules.use_strips == b.rules.use_strips);
}

void RequireValid(const DelegateOptions& options) {
  UBP_REQUIRE(options.num_threads >= 0 && options.num_threads <= 64);
  UBP_REQUIRE(options.isa == nullptr || options.isa->supported());
}

}  // namespace
}  // namespace ubp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<ubp::KeyAndValue> options = ubp::SplitInput(std::string(data, data + size));
  ubp::DelegateOptions parsed, again;
  const ubp::Status status = ubp::Parse(options, &parsed);
  std::reverse(options.begin(), options.end());
  UBP_REQUIRE(ubp::Parse(options, &again).ok() == status.ok());
  if (status.ok()) {
    ubp::RequireValid(parsed);
    ubp::RequireSame(parsed, again);
    UBP_REQUIRE(ubp::Parse(ubp::Write(parsed), &again).ok());
    ubp::RequireSame(parsed, again);
  } else {
    UBP_REQUIRE(!status.message().empty() && status.message().back() == '.');
  }
  return 0;
}
