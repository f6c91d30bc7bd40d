// The delegate's options: what users set by key and value, in Python, on the command line of
// benchmark_model, or in C++.
#ifndef UBP_DELEGATE_TFLITE_OPTIONS_H_
#define UBP_DELEGATE_TFLITE_OPTIONS_H_

#include <cstddef>
#include <string>

#include "delegate/base/status.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/plan_rules.h"
#include "delegate/tflite/model/claim.h"
#include "delegate/tflite/model/partition.h"

namespace ubp {

inline constexpr int kMaxThreads = 64;

struct DelegateOptions {
  // `num_threads`: 1 .. kMaxThreads; by default the interpreter's own number, up to that.
  int num_threads = 0;  // 0: the interpreter's
  // `kernel`: auto (the fastest this processor supports), reference, or the name of a kernel
  // instruction set.
  const InstructionSet* isa = &BestInstructionSet();  // null: reference
  const char* kernel_name() const { return isa != nullptr ? isa->name : "reference"; }
  // `take`: auto (stretches of the model with block-sparse layers), sparse (only those layers), or
  // all (whatever can be taken).
  Take take = Take::kAuto;
  // `sparse_from_dense`: on, or off.
  ClaimOptions claim;
  // `without`: rules of the planner to switch off, to measure what they gain.
  PlanRules rules;
  // `report`: the path of a JSON file to write, which must not exist; empty: none.
  std::string report;
  // `profile`: the path of a JSON file to write when models are unloaded, which must not exist;
  // empty: none, and nothing is timed.
  std::string profile;
  // `weight_cache`: the path of a file that keeps packed weights for the next load of the model;
  // empty: none.
  std::string weight_cache;
  // `log`: quiet (errors and warnings), or info (also what is taken, kernels and memory).
  bool log_info = false;
};

// Fails with one sentence on an unknown key, a key given twice or a value out of range.
Status ParseOptions(const char* const* keys, const char* const* values, size_t count,
                    DelegateOptions* options);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_OPTIONS_H_
