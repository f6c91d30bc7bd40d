// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/plan.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <utility>

#include "delegate/backend/memory_plan.h"
#include "delegate/cpu/plan/describe_steps.h"
#include "delegate/cpu/plan/layout.h"

namespace ubp {
namespace {

// From the first to the last step that uses a buffer; first > last where none does.
struct Lifetime {
  int first = 0;
  int last = -1;
};

// The buffer that a buffer is part of, itself if it is none, and where in it.
struct Place {
  int buffer;
  int64_t offset;
};

Place PlaceOf(const std::vector<Buffer>& buffers, int buffer) {
  Place place{buffer, 0};
  while (buffers[place.buffer].container >= 0) {
    place.offset += buffers[place.buffer].offset;
    place.buffer = buffers[place.buffer].container;
  }
  return place;
}

// Of the buffers that are no part of another.
std::vector<Lifetime> LifetimesOf(const std::vector<std::unique_ptr<Step>>& steps,
                                  const std::vector<Buffer>& buffers) {
  std::vector<Lifetime> lifetimes(buffers.size());
  for (size_t s = 0; s < steps.size(); ++s) {
    const int step = static_cast<int>(s);
    for (const int buffer : steps[s]->buffers()) {
      Lifetime& lifetime = lifetimes[PlaceOf(buffers, buffer).buffer];
      if (lifetime.last < 0) lifetime.first = step;
      lifetime.last = step;
    }
  }
  return lifetimes;
}

// The buffers whose memory `buffer` may take over at `step`, which reads them.
std::vector<int> InheritedBy(int buffer, const Step& step) {
  const bool is_output = step.buffers().back() == buffer;
  return step.runs_in_place() && is_output ? step.buffers() : std::vector<int>();
}

}  // namespace

Status Plan::Make(const Graph& graph, const PlanOptions& options, PackedWeights* weights,
                  std::vector<Dims>* dims, std::unique_ptr<Plan>* plan) {
  auto made = std::make_unique<Plan>();
  GraphLayout layout;
  const LayoutOptions layout_options = {options.isa != nullptr, options.threads, options.rules,
                                        options.verify};
  UBP_RETURN_IF_ERROR(MakeLayout(graph, *dims, layout_options, &layout));
  for (size_t t = 0; t < dims->size(); ++t) (*dims)[t] = layout.tensors[t].dims;
  const OperatorContext context = {layout, options.isa, options.int8, weights, options.threads};
  UBP_RETURN_IF_ERROR(MakeSteps(context, &made->steps_, &made->buffers_));
  made->PlaceBuffers();
  if (options.profile) {
    UBP_RETURN_IF_ERROR(DescribeSteps(context, made->steps_, made->buffers_, &made->profile_));
  }
  *plan = std::move(made);
  return Status::Ok();
}

void Plan::PlaceBuffers() {
  const std::vector<Lifetime> lifetimes = LifetimesOf(steps_, buffers_);
  std::vector<BufferNeed> needs;
  std::vector<int> need_of(buffers_.size(), -1);
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (buffers_[b].external >= 0 || lifetimes[b].last < 0) continue;
    const auto& [first, last] = lifetimes[b];
    need_of[b] = static_cast<int>(needs.size());
    needs.push_back({buffers_[b].words, first, last, buffers_[b].form, {}});
  }
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (need_of[b] < 0) continue;
    for (const int from : InheritedBy(static_cast<int>(b), *steps_[lifetimes[b].first])) {
      if (need_of[from] >= 0) needs[need_of[b]].heir_of.push_back(need_of[from]);
    }
  }
  const size_t first_scratch = needs.size();
  for (size_t s = 0; s < steps_.size(); ++s) {
    const int step = static_cast<int>(s);
    needs.push_back({steps_[s]->scratch_floats(), step, step, {}, {}});
  }
  const MemoryPlan arena = PlanMemory(needs, kCacheLineBytes / sizeof(float));
  arena_ = AlignedBuffer(arena.size);

  memory_.assign(buffers_.size(), nullptr);
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (need_of[b] < 0) continue;
    memory_[b] = arena_.data() + arena.offsets[need_of[b]];
    if (buffers_[b].around == 0) continue;  // the arena is zero
    float word;
    std::memcpy(&word, &buffers_[b].around, sizeof(word));
    std::fill_n(memory_[b], buffers_[b].words, word);
  }
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (buffers_[b].container < 0) continue;
    const Place place = PlaceOf(buffers_, static_cast<int>(b));
    if (memory_[place.buffer] != nullptr) memory_[b] = memory_[place.buffer] + place.offset;
  }
  for (size_t s = 0; s < steps_.size(); ++s) {
    scratch_.push_back(arena_.data() + arena.offsets[first_scratch + s]);
  }
}

void Plan::Run(const std::vector<void*>& tensors, ThreadPool* pool) {
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (buffers_[b].external < 0) continue;
    memory_[b] = static_cast<float*>(tensors[buffers_[b].external]);
  }
  if (!profile_.empty()) return RunTimed(pool);
  for (size_t s = 0; s < steps_.size(); ++s) steps_[s]->Run(memory_, scratch_[s], pool);
}

void Plan::RunTimed(ThreadPool* pool) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  for (size_t s = 0; s < steps_.size(); ++s) {
    steps_[s]->Run(memory_, scratch_[s], pool);
    const Clock::time_point end = Clock::now();
    profile_[s].AddRun(std::chrono::nanoseconds(end - begin).count());
    begin = end;
  }
}

size_t Plan::prepared_bytes() const {
  size_t bytes = 0;
  for (const std::unique_ptr<Step>& step : steps_) bytes += step->prepared_bytes();
  return bytes;
}

}  // namespace ubp
