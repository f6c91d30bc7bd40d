// SPDX-License-Identifier: Apache-2.0
#include "delegate/bench/commands.h"

#include <atomic>
#include <cstdio>

#include "delegate/bench/timing.h"

namespace ubp {
namespace {

constexpr int kMostThreads = 64;
// A run of the multiply-adds: enough jobs for the threads to share evenly, each of some 10 us, so
// that handing them out costs next to nothing.
constexpr int kJobsPerThread = 16;
constexpr int kIterationsPerJob = 4096;

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

std::string TimingFields(const Timing& timing) {
  char text[80];
  std::snprintf(text, sizeof(text), "\"ns\": %.1f, \"runs\": %d", timing.median_ns, timing.runs);
  return text;
}

}  // namespace

std::string Commands::Execute(const std::string& line) {
  std::istringstream words(line);
  std::string command, answer;
  words >> command;
  Status status =
      Status::Error("there is no command '" + command + "'; there are layer, time, peak.");
  if (command == "layer") status = Layer(&words, &answer);
  if (command == "time") status = Time(&words, &answer);
  if (command == "peak") status = Peak(&words, &answer);
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
    return Status::Error("this machine has no kernels for '" + isa + "'.");
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
  const int64_t multiply_adds = int64_t{1} * jobs * kIterationsPerJob * fma_loop_->multiply_adds;
  *answer =
      "{" + TimingFields(timing) + ", \"multiply_adds\": " + std::to_string(multiply_adds) + "}";
  return Status::Ok();
}

}  // namespace ubp
