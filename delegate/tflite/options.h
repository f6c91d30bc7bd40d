// SPDX-License-Identifier: Apache-2.0
// The delegate's options: what users set by key and value, in Python, on the command line of
// benchmark_model, or in C++.
#ifndef UBP_DELEGATE_TFLITE_OPTIONS_H_
#define UBP_DELEGATE_TFLITE_OPTIONS_H_

#include <cstddef>
#include <string>

#include "delegate/base/status.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/plan_rules.h"
#include "delegate/opencl/kernels/calls.h"
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
  // `backend`: cpu, gpu (the OpenCL device), or auto (the CPU, unless a measurement in the directory of
  // `gpu_cache` says that the device is faster).
  enum class BackendChoice { kCpu, kGpu, kAuto };
  BackendChoice backend = BackendChoice::kCpu;
  // `precision`: of the GPU: fp32, fp16_storage (tensors half, sums float) or fp16 (sums as well).
  opencl::Precision precision = opencl::Precision::kFp32;
  // `gpu_device`: a part of the device's name, or its number as `ubp devices` lists them; empty: the first
  // GPU.
  std::string gpu_device;
  // `gpu_cache`: a directory that keeps compiled programs and what was measured on the device; empty:
  // none.
  std::string gpu_cache;
  // `gpu_tune`: on, or off: measures what the cache does not have yet: how work is divided, and, with
  // backend=auto, the CPU and the device.
  bool gpu_tune = false;
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
