// SPDX-License-Identifier: Apache-2.0
// A whole model, from the delegate's first look at it on: nodes, tensors, parameters and weights that the input says, imported,
// planned and run through the C API of TensorFlow Lite's delegates.
//
// What the delegate takes of a model that is as converters write them runs, and its outputs do not depend on kernels, rules of the
// planner and threads.

#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "delegate/tflite/delegate.h"
#include "delegate/tflite/options.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/interpreter.h"
#include "tests/fuzz/model_maker.h"

namespace ubp {
namespace {

struct Outcome {
  bool ran = false;
  size_t taken = 0;
  std::vector<float> outputs;
};

Outcome RunModel(const std::vector<uint8_t>& bytes, const DelegateOptions& options) {
  TfLiteDelegate* delegate = nullptr;
  UBP_REQUIRE(Delegate::Make(options, &delegate).ok());
  const std::unique_ptr<TfLiteDelegate, void (*)(TfLiteDelegate*)> owned(delegate,
                                                                         &Delegate::Release);
  FuzzInput input(bytes.data(), bytes.size());
  Interpreter interpreter;  // freed before the delegate
  ModelMaker maker(&input, &interpreter);
  maker.Make();
  Outcome outcome;
  const bool modified = interpreter.ModifyGraphWithDelegate(delegate);
  UBP_REQUIRE(modified || !interpreter.error().empty());
  outcome.taken = interpreter.num_taken();
  if (maker.large()) return outcome;
  outcome.ran = interpreter.AllocateTensors() && interpreter.Invoke();
  // A second time, as after the inputs were resized.
  if (outcome.ran) UBP_REQUIRE(interpreter.AllocateTensors() && interpreter.Invoke());
  UBP_REQUIRE(outcome.ran || maker.damaged() || interpreter.too_large());
  if (outcome.ran) outcome.outputs = interpreter.PartOutputs();
  return outcome;
}

void RequireSame(const Outcome& a, const Outcome& b) {
  UBP_REQUIRE(a.ran == b.ran && a.taken == b.taken && a.outputs.size() == b.outputs.size());
  float largest = 1.0f;
  for (const float value : a.outputs) largest = std::max(largest, std::abs(value));
  if (!(largest < 1e4f)) return;
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    UBP_REQUIRE(std::isnan(a.outputs[i]) ||
                std::abs(a.outputs[i] - b.outputs[i]) <= 1e-3f * largest);
  }
}

constexpr Take kTakes[] = {Take::kAll, Take::kAuto, Take::kSparse};

}  // namespace
}  // namespace ubp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ubp::FuzzInput input(data, size);
  ubp::DelegateOptions options;
  options.take = ubp::kTakes[input.Below(3)];
  options.num_threads = input.Between(1, 3);
  options.claim.sparse_from_dense = input.Flag();
  // As if every tensor were large, too.
  if (input.Flag()) {
    options.rules.fuse_elements = options.rules.row_buffer_elements = 1;
    options.rules.least_strip_pixels = 1;
  }
  const std::vector<uint8_t> bytes = input.Rest();
  const ubp::Outcome outcome = ubp::RunModel(bytes, options);
  ubp::DelegateOptions plain;
  plain.take = options.take;
  plain.claim.sparse_from_dense = options.claim.sparse_from_dense;
  plain.num_threads = 1;
  plain.isa = ubp::FindInstructionSet("portable");
  plain.rules.skip_dead_pixels = plain.rules.fuse_functions = plain.rules.place_concatenations =
      false;
  plain.rules.fuse_depthwise = plain.rules.use_strips = false;
  ubp::RequireSame(outcome, ubp::RunModel(bytes, plain));
  return 0;
}
