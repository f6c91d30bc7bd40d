// SPDX-License-Identifier: Apache-2.0
#include "delegate/bench/commands.h"

#include <atomic>
#include <cstdio>

#include "delegate/bench/stream_loop.h"
#include "delegate/bench/timing.h"

namespace ubp {
namespace {

constexpr int kMostThreads = 64;
// A run of the multiply-adds: enough jobs for the threads to share evenly, each of some 10 us, so
// that handing them out costs next to nothing.
constexpr int kJobsPerThread = 16;
constexpr int kIterationsPerJob = 4096;
// A run of a stream takes longer than the clock is read, also where the memory is small.
constexpr size_t kLeastStreamBytes = size_t{1} << 20;
constexpr size_t kMostStreamBytes = size_t{1} << 32;

Status Malformed(const char* form) {
  return Status::Error(std::string("the command is malformed, expected: ") + form);
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return quoted + '"';
}

// Of an instruction set whose kernels this machine can run.
Status NoKernels(const std::string& isa) {
  return Status::Error("this machine has no kernels for '" + isa + "'.");
}

std::string TimingFields(const Timing& timing) {
  char text[80];
  std::snprintf(text, sizeof(text), "\"ns\": %.1f, \"runs\": %d", timing.median_ns, timing.runs);
  return text;
}

std::string AnswerOf(const Timing& timing, const char* what, int64_t per_run) {
  return "{" + TimingFields(timing) + ", \"" + what + "\": " + std::to_string(per_run) + "}";
}

int64_t MultiplyAdds(int jobs, const FmaLoop& loop) {
  return int64_t{1} * jobs * kIterationsPerJob * loop.multiply_adds;
}

}  // namespace

std::string Commands::Execute(const std::string& line) {
  std::istringstream words(line);
  std::string command, answer;
  words >> command;
  Status status = Status::Error("there is no command '" + command +
                                "'; there are layer, time, peak, fma, stream.");
  if (command == "layer") status = Layer(&words, &answer);
  if (command == "time") status = Time(&words, &answer);
  if (command == "peak") status = Peak(&words, &answer);
  if (command == "fma") status = Fma(&words, &answer);
  if (command == "stream") status = Stream(&words, &answer);
  return status.ok() ? answer : "{\"error\": " + Quoted(status.message()) + "}";
}

Status Commands::Layer(std::istringstream* words, std::string* answer) {
  LayerCaseSpec spec;
  std::string isa, form;
  *words >> isa >> spec.threads >> spec.in_h >> spec.in_w >> form;
  const bool known_form = form == "image" || form == "planes";
  if (!*words || !known_form || spec.threads < 1 || spec.threads > kMostThreads) {
    return Malformed("layer FAMILY THREADS HEIGHT WIDTH image|planes STEM...");
  }
  spec.isa = FindInstructionSet(isa.c_str());
  fma_loop_ = FindFmaLoop(isa.c_str());
  if (spec.isa == nullptr || fma_loop_ == nullptr) {
    return NoKernels(isa);
  }
  spec.image_input = form == "image";
  for (std::string stem; *words >> stem;) spec.stems.push_back(stem);
  layer_.reset();
  UBP_RETURN_IF_ERROR(LayerCase::Make(spec, &layer_));
  *answer = "{\"multiply_adds\": [";
  for (int i = 0; i < layer_->variants(); ++i) {
    *answer += (i == 0 ? "" : ", ") + std::to_string(layer_->multiply_adds(i));
  }
  *answer += "]}";
  return Status::Ok();
}

Status Commands::Time(std::istringstream* words, std::string* answer) {
  int variant = 0;
  double milliseconds = 0;
  if (!(*words >> variant >> milliseconds)) return Malformed("time VARIANT MILLISECONDS");
  if (layer_ == nullptr || variant < 0 || variant >= layer_->variants()) {
    return Status::Error("there is no variant " + std::to_string(variant) + ".");
  }
  const Timing timing = TimeRuns([&] { layer_->Run(variant); }, milliseconds);
  *answer = "{" + TimingFields(timing) + "}";
  return Status::Ok();
}

Status Commands::Peak(std::istringstream* words, std::string* answer) {
  double milliseconds = 0;
  if (!(*words >> milliseconds)) return Malformed("peak MILLISECONDS");
  if (layer_ == nullptr) return Status::Error("there is no layer yet.");
  ThreadPool* const pool = layer_->pool();
  const int jobs = pool->threads() * kJobsPerThread;
  std::atomic<float> sum{0.0f};
  const auto run = [&] {
    pool->Run(jobs, [&](int, int) { sum.store(fma_loop_->run(kIterationsPerJob)); });
  };
  const Timing timing = TimeRuns(run, milliseconds);
  sum_ += sum.load();
  *answer = AnswerOf(timing, "multiply_adds", MultiplyAdds(jobs, *fma_loop_));
  return Status::Ok();
}

Status Commands::Fma(std::istringstream* words, std::string* answer) {
  std::string isa;
  double milliseconds = 0;
  if (!(*words >> isa >> milliseconds)) return Malformed("fma FAMILY MILLISECONDS");
  if (FindInstructionSet(isa.c_str()) == nullptr) return NoKernels(isa);
  const FmaLoop& loop = *FindFmaLoop(isa.c_str());
  const Timing timing = TimeRuns([&] { sum_ += loop.run(kIterationsPerJob); }, milliseconds);
  *answer = AnswerOf(timing, "multiply_adds", MultiplyAdds(1, loop));
  return Status::Ok();
}

Status Commands::Stream(std::istringstream* words, std::string* answer) {
  std::string isa, what;
  size_t bytes = 0;
  double milliseconds = 0;
  *words >> isa >> what >> bytes >> milliseconds;
  const bool copies = what == "copy";
  const size_t floats = bytes / sizeof(float) / (copies ? 2 : 1) / kStreamUnit * kStreamUnit;
  const bool is_known = copies || what == "load" || what == "store";
  if (!*words || !is_known || floats == 0 || bytes > kMostStreamBytes) {
    return Malformed("stream FAMILY load|store|copy BYTES MILLISECONDS");
  }
  if (FindInstructionSet(isa.c_str()) == nullptr) return NoKernels(isa);
  const StreamLoops& loops = *FindStreamLoops(isa.c_str());
  const size_t needed = copies ? 2 * floats : floats;
  if (memory_.bytes() != needed * sizeof(float)) memory_ = AlignedBuffer(needed);
  float* const memory = memory_.data();
  const auto move = [&] {
    if (copies) {
      loops.copy(memory, memory + floats, floats);
    } else if (what == "load") {
      sum_ += loops.load(memory, floats);
    } else {
      loops.store(memory, floats, 0.0f);
    }
  };
  const size_t each = floats * sizeof(float);
  const size_t passes = (kLeastStreamBytes + each - 1) / each;
  const auto run = [&] {
    for (size_t pass = 0; pass < passes; ++pass) move();
  };
  const Timing timing = TimeRuns(run, milliseconds);
  *answer = AnswerOf(timing, "bytes", static_cast<int64_t>(passes * each));
  return Status::Ok();
}

}  // namespace ubp
