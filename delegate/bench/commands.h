// SPDX-License-Identifier: Apache-2.0
// The commands of kernel_benchmark: one line each, answered by one line of JSON.
//
//   layer FAMILY THREADS HEIGHT WIDTH image|planes STEM...
//       Prepares a convolution layer with one variant of weights per STEM (layer_case.h), for a
//       instruction set (delegate/cpu/kernels/kernels.h), an input of HEIGHT x WIDTH pixels. Paths have no
//       spaces.
//       {"multiply_adds": [number per run and variant, ...]}
//   time VARIANT MILLISECONDS
//       Times variant 0, 1, ... of the layer (timing.h).
//       {"ns": median of one run, "runs": number}
//   peak MILLISECONDS
//       Times the loop of multiply-adds of the layer's instruction set on all of its threads
//       (fma_loop.h).
//       {"ns": as above, "runs": number, "multiply_adds": number per run}
//   fma FAMILY MILLISECONDS
//       The same on one thread, without a layer.
//   stream FAMILY load|store|copy BYTES MILLISECONDS
//       Times a loop that reads, writes or copies memory (stream_loop.h). The memory is BYTES
//       large, rounded down; where it is copied, half of it each way. A run moves it again and
//       again, a MiB or more. One thread.
//       {"ns": as above, "runs": number, "bytes": read, written or copied per run}
//
// A command that cannot be executed is answered by {"error": "one sentence"}. The caller chooses
// the order, and so interleaves what it compares, in this process and in others: that is why this
// is not a Google Benchmark program, which runs one benchmark after the other.
#ifndef UBP_DELEGATE_BENCH_COMMANDS_H_
#define UBP_DELEGATE_BENCH_COMMANDS_H_

#include <memory>
#include <sstream>
#include <string>

#include "delegate/base/aligned_buffer.h"
#include "delegate/base/status.h"
#include "delegate/bench/fma_loop.h"
#include "delegate/bench/layer_case.h"

namespace ubp {

class Commands {
 public:
  // The answer to one line, without a line end.
  std::string Execute(const std::string& line);

 private:
  Status Layer(std::istringstream* words, std::string* answer);
  Status Time(std::istringstream* words, std::string* answer);
  Status Peak(std::istringstream* words, std::string* answer);
  Status Fma(std::istringstream* words, std::string* answer);
  Status Stream(std::istringstream* words, std::string* answer);

  std::unique_ptr<LayerCase> layer_;
  const FmaLoop* fma_loop_ = nullptr;  // of the layer's instruction set
  AlignedBuffer memory_;               // of the latest stream
  float sum_ = 0.0f;                   // of what the loops computed
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BENCH_COMMANDS_H_
