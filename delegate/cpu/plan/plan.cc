#include "delegate/cpu/plan/plan.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include "delegate/cpu/plan/arena.h"
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

// Planes of one geometry share slots, and only with each other: so the zeros around their pixels,
// written once when the arena is made, stay.
class SlotPool {
 public:
  // A slot for `buffer`, free from `lifetime.first` on, or then given up by one of `inherited`; by
  // number, counted over all pools by the size of `slot_floats`.
  int Take(int buffer, const Lifetime& lifetime, const std::vector<int>& inherited, size_t floats,
           std::vector<size_t>* slot_floats) {
    for (Slot& slot : slots_) {
      const bool is_inherited =
          slot.busy_until == lifetime.first &&
          std::find(inherited.begin(), inherited.end(), slot.buffer) != inherited.end();
      if (slot.busy_until >= lifetime.first && !is_inherited) continue;
      slot.buffer = buffer;
      slot.busy_until = lifetime.last;
      (*slot_floats)[slot.number] = std::max((*slot_floats)[slot.number], floats);
      return slot.number;
    }
    const int number = static_cast<int>(slot_floats->size());
    slot_floats->push_back(floats);
    slots_.push_back({number, buffer, lifetime.last});
    return number;
  }

 private:
  struct Slot {
    int number;
    int buffer;      // in it last
    int busy_until;  // the last step that uses that buffer
  };

  std::vector<Slot> slots_;
};

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
  const OperatorContext context = {layout, options.isa, weights, options.threads};
  UBP_RETURN_IF_ERROR(MakeSteps(context, &made->steps_, &made->buffers_));
  made->PlaceBuffers();
  if (options.profile) made->profile_ = DescribeSteps(layout, made->steps_);
  *plan = std::move(made);
  return Status::Ok();
}

void Plan::PlaceBuffers() {
  const std::vector<Lifetime> lifetimes = LifetimesOf(steps_, buffers_);
  const int end = static_cast<int>(steps_.size());
  std::map<std::array<int64_t, 5>, SlotPool> pools;
  std::vector<size_t> slot_floats;
  std::vector<int> slot_of(buffers_.size(), -1);
  std::vector<BufferRequest> requests;
  std::vector<size_t> request_of(buffers_.size());
  // By first use, so that a pool sees the buffers in the order in which they become busy.
  std::vector<size_t> order;
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (buffers_[b].external < 0 && lifetimes[b].last >= 0) order.push_back(b);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].first < lifetimes[b].first; });
  for (const size_t b : order) {
    const Buffer& buffer = buffers_[b];
    if (buffer.geometry[0] > 0) {
      SlotPool& pool = pools[buffer.geometry];
      const int number = static_cast<int>(b);
      const std::vector<int> inherited = InheritedBy(number, *steps_[lifetimes[b].first]);
      slot_of[b] = pool.Take(number, lifetimes[b], inherited, buffer.floats, &slot_floats);
    } else {
      request_of[b] = requests.size();
      requests.push_back({buffer.floats, lifetimes[b].first, lifetimes[b].last});
    }
  }
  const size_t first_scratch = requests.size();
  for (int s = 0; s < end; ++s) requests.push_back({steps_[s]->scratch_floats(), s, s});
  const size_t first_slot = requests.size();
  for (const size_t floats : slot_floats) requests.push_back({floats, 0, end});
  const ArenaLayout arena = PlanMemory(requests);
  arena_ = AlignedBuffer(arena.floats);

  memory_.assign(buffers_.size(), nullptr);
  for (const size_t b : order) {
    const size_t request = slot_of[b] >= 0 ? first_slot + slot_of[b] : request_of[b];
    memory_[b] = arena_.data() + arena.offsets[request];
  }
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (buffers_[b].container < 0) continue;
    const Place place = PlaceOf(buffers_, static_cast<int>(b));
    if (memory_[place.buffer] != nullptr) memory_[b] = memory_[place.buffer] + place.offset;
  }
  for (int s = 0; s < end; ++s) {
    scratch_.push_back(arena_.data() + arena.offsets[first_scratch + s]);
  }
}

void Plan::Run(const std::vector<float*>& tensors, ThreadPool* pool) {
  for (size_t b = 0; b < buffers_.size(); ++b) {
    if (buffers_[b].external >= 0) memory_[b] = tensors[buffers_[b].external];
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
