// SPDX-License-Identifier: Apache-2.0
// What a backend is: one way to run a graph, on the CPU or on another processor.
//
//   Graph --Pack--> PackedGraph --Compile, for given shapes--> Program --Run--> results
//
// Weights are packed once, when a model is loaded, and do not depend on shapes; a resize compiles
// again.
#ifndef UBP_DELEGATE_BACKEND_BACKEND_H_
#define UBP_DELEGATE_BACKEND_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "delegate/backend/cost_model.h"
#include "delegate/backend/step_profile.h"
#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/graph/graph.h"

namespace ubp {

// A graph made ready for given input shapes. It owns one arena, so that it runs once at a time.
class Program {
 public:
  virtual ~Program() = default;

  // `tensors[t]` is the memory of tensor t where it is an input or output of the graph. Allocates
  // nothing. Fails with one sentence where the device does.
  virtual Status Run(const std::vector<void*>& tensors) = 0;

  // What runs it: "avx512", or the name of a device.
  virtual std::string name() const = 0;

  // Memory held for these shapes: activations, and what binds weights to them.
  virtual size_t arena_bytes() const = 0;
  virtual size_t prepared_bytes() const = 0;
  // Of all steps, in order, over all runs; empty unless asked for.
  virtual const std::vector<StepProfile>& profile() const = 0;
};

struct CompileOptions {
  std::shared_ptr<ThreadPool> pool;  // whose threads the CPU uses
  bool profile = false;              // whether runs are timed, step by step
};

// A graph with its weights in the form that a backend reads. Both must outlive its programs.
class PackedGraph {
 public:
  virtual ~PackedGraph() = default;

  // `dims[t]` are the dimensions of tensor t where it is an input; those of all others are filled in.
  // Fails with one sentence where the shapes do not suit the graph, or a layer's weights cannot be
  // read (any more).
  virtual Status Compile(const CompileOptions& options, std::vector<Dims>* dims,
                         std::unique_ptr<Program>* program) = 0;

  // Memory held for weights beside the model file.
  virtual size_t weight_bytes() const = 0;
  // How often a layer has been packed so far.
  virtual int64_t packings() const = 0;
  // What a device has done for its programs so far, in words; empty where there is none.
  virtual std::string activity() const { return ""; }
  // What went wrong since the last call and was got over: sentences for the user.
  virtual std::vector<std::string> TakeWarnings() { return {}; }
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual const char* name() const = 0;  // what kernels it has: "avx512", "opencl"
  // Of those that run ops like this one.
  virtual const char* NameFor(const GraphOp&) const { return name(); }
  // Whether it runs ops like this one; else why not, as a sentence.
  virtual Status Supports(const GraphOp& op) const = 0;
  virtual const CostModel& costs() const = 0;
  // `graph` must outlive the result.
  virtual std::unique_ptr<PackedGraph> Pack(const Graph& graph) const = 0;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_BACKEND_H_
