// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/faster_backend.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "delegate/graph/dims.h"
#include "delegate/opencl/runtime/api.h"
#include "delegate/opencl/runtime/cache_directory.h"

namespace ubp::opencl {
namespace {

// Predictions apart: a device that wins by less loses it to the noise.
constexpr double kClearlyFaster = 1.1;
constexpr int kRuns = 7;  // the first of which warm up

// Microseconds of one inference.
struct Record {
  double cpu = 0.0;
  double device = 0.0;
};

std::string Text(const Record& record) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.1f %.1f", record.cpu, record.device);
  return text;
}

bool Parse(const std::string& text, Record* record) {
  return std::sscanf(text.c_str(), "%lf %lf", &record->cpu, &record->device) == 2 &&
         record->cpu > 0.0 && record->device > 0.0;
}

// What the speed of a graph depends on, weights left aside.
CacheKey KeyOf(const Graph& graph, const std::vector<Dims>& dims, const std::string& cpu,
               int threads, Precision precision) {
  CacheKey key = {"faster", cpu, std::to_string(threads),
                  std::to_string(static_cast<int>(precision))};
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (graph.tensors[t].storage == Storage::kInput) key.push_back(ToString(dims[t]));
  }
  for (const GraphOp& op : graph.ops) {
    std::string text = std::to_string(static_cast<int>(op.type()));
    const auto add = [&](int number) { text += "," + std::to_string(number); };
    for (const int input : op.inputs) add(input);
    const LayerAttributes& a = AttributesOf(op);
    for (const int number : {a.in_channels, a.out_channels, a.kernel_h, a.kernel_w, a.stride_h,
                             a.stride_w, a.dilation_h, a.dilation_w, a.num_blocks}) {
      add(number);
    }
    if (const LayerWeights* layer = LayerOf(op)) {
      add(layer->dense.block_size);
      add(static_cast<int>(1000.0 * layer->dense.share));
    }
    key.push_back(std::move(text));
  }
  return key;
}

// Of several runs, in microseconds, on inputs of zeros.
Status TimeOf(Program* program, const Graph& graph, const std::vector<Dims>& dims, double* least) {
  std::vector<std::vector<float>> memory(graph.tensors.size());
  std::vector<void*> tensors(graph.tensors.size(), nullptr);
  for (size_t t = 0; t < memory.size(); ++t) {
    if (graph.tensors[t].storage == Storage::kInternal) continue;
    memory[t].assign(ElementsOf(dims[t]), 0.0f);
    tensors[t] = memory[t].data();
  }
  *least = std::numeric_limits<double>::infinity();
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    UBP_RETURN_IF_ERROR(program->Run(tensors));
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    *least = std::min(*least, time.count());
  }
  return Status::Ok();
}

// The device, which is looked for when it is first asked for. Any thread.
class LazyDevice {
 public:
  explicit LazyDevice(const FasterOptions& options) : options_(options) {}

  // Null, as `*cache` is then, where it cannot be used; the user is told why the first time.
  const Backend* Get(CacheDirectory** cache) {
    *cache = nullptr;
    const Status status = LookFor();
    if (!status.ok()) {
      Warn(status.message());
      return nullptr;
    }
    *cache = cache_;
    return cache_ != nullptr ? backend_.get() : nullptr;
  }

  void Warn(const std::string& why) {
    if (!options_.tell || warned_.exchange(true)) return;
    options_.tell("backend=auto uses the CPU: " + why, true);
  }
  void Tell(const std::string& sentence) {
    if (options_.tell) options_.tell(sentence, false);
  }

  const FasterOptions& options() const { return options_; }

 private:
  Status LookFor() {
    const Api* api = nullptr;
    UBP_RETURN_IF_ERROR(
        LoadApi(&api));  // an error in a forked child, which must not take the mutex
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!looked_for_) why_not_ = MakeOpenClBackend(options_.device, &backend_, &cache_);
    looked_for_ = true;
    return why_not_;
  }

  const FasterOptions options_;
  std::atomic<bool> warned_{false};
  std::mutex mutex_;
  // Set once, with the mutex.
  bool looked_for_ = false;
  Status why_not_ = Status::Ok();
  std::shared_ptr<const Backend> backend_;
  CacheDirectory* cache_ = nullptr;
};

class FasterPackedGraph : public PackedGraph {
 public:
  FasterPackedGraph(const Graph& graph, const Backend& cpu, std::shared_ptr<LazyDevice> device)
      : graph_(graph), cpu_name_(cpu.name()), cpu_(cpu.Pack(graph)), device_(std::move(device)) {}

  Status Compile(const CompileOptions& options, std::vector<Dims>* dims,
                 std::unique_ptr<Program>* program) override {
    const Backend* const backend = device_->Get(&cache_);
    if (backend == nullptr) return cpu_->Compile(options, dims, program);
    const CacheKey key = KeyOf(graph_, *dims, cpu_name_, options.pool->threads(),
                               device_->options().device.precision);
    Record record;
    std::string text;
    const bool known = cache_->Find(key, &text) && Parse(text, &record);
    if (!known && !device_->options().device.tune) return cpu_->Compile(options, dims, program);
    if (known && record.cpu < kClearlyFaster * record.device) {
      return cpu_->Compile(options, dims, program);
    }
    std::vector<Dims> device_dims = *dims;
    std::unique_ptr<Program> on_device;
    const Status status = CompileOnDevice(*backend, options, &device_dims, &on_device);
    if (!status.ok()) {
      device_->Warn(status.message());
      return cpu_->Compile(options, dims, program);
    }
    if (known) {
      *program = std::move(on_device);
      *dims = std::move(device_dims);
      return Status::Ok();
    }
    return Measure(options, key, std::move(on_device), dims, program);
  }

  size_t weight_bytes() const override {
    return cpu_->weight_bytes() + (packed_ ? packed_->weight_bytes() : 0);
  }
  int64_t packings() const override {
    return cpu_->packings() + (packed_ ? packed_->packings() : 0);
  }
  std::string activity() const override { return packed_ ? packed_->activity() : ""; }
  std::vector<std::string> TakeWarnings() override {
    return cache_ != nullptr ? cache_->TakeWarnings() : std::vector<std::string>();
  }

 private:
  Status CompileOnDevice(const Backend& backend, const CompileOptions& options,
                         std::vector<Dims>* dims, std::unique_ptr<Program>* program) {
    if (packed_ == nullptr) packed_ = backend.Pack(graph_);
    return packed_->Compile(options, dims, program);
  }

  // Sets `program` to the faster of both, and keeps what was measured.
  Status Measure(const CompileOptions& options, const CacheKey& key,
                 std::unique_ptr<Program> on_device, std::vector<Dims>* dims,
                 std::unique_ptr<Program>* program) {
    UBP_RETURN_IF_ERROR(cpu_->Compile(options, dims, program));
    Record record;
    UBP_RETURN_IF_ERROR(TimeOf(program->get(), graph_, *dims, &record.cpu));
    const Status status = TimeOf(on_device.get(), graph_, *dims, &record.device);
    if (!status.ok()) {
      device_->Warn(status.message());
      return Status::Ok();
    }
    cache_->Put(key, Text(record));
    const bool faster = record.cpu >= kClearlyFaster * record.device;
    char times[96];
    std::snprintf(times, sizeof(times),
                  "%.2f ms on the CPU, %.2f ms on the device: it uses the %s.", record.cpu / 1e3,
                  record.device / 1e3, faster ? "device" : "CPU");
    device_->Tell("backend=auto measured the part from " + graph_.ops.front().label +
                  " on: " + times);
    if (faster) *program = std::move(on_device);
    return Status::Ok();
  }

  const Graph& graph_;
  const std::string cpu_name_;
  const std::unique_ptr<PackedGraph> cpu_;
  const std::shared_ptr<LazyDevice> device_;
  CacheDirectory* cache_ = nullptr;      // the device's, once it may be used
  std::unique_ptr<PackedGraph> packed_;  // for the device, once it may be used
};

class FasterBackend : public Backend {
 public:
  FasterBackend(std::shared_ptr<const Backend> cpu, const FasterOptions& options)
      : cpu_(std::move(cpu)), device_(std::make_shared<LazyDevice>(options)) {}

  const char* name() const override { return cpu_->name(); }
  const char* NameFor(const GraphOp& op) const override { return cpu_->NameFor(op); }
  Status Supports(const GraphOp& op) const override { return cpu_->Supports(op); }
  const CostModel& costs() const override { return cpu_->costs(); }
  std::unique_ptr<PackedGraph> Pack(const Graph& graph) const override {
    const bool runs_on_devices =
        std::all_of(graph.ops.begin(), graph.ops.end(),
                    [](const GraphOp& op) { return RunsOnDevices(op).ok(); });
    if (!runs_on_devices) return cpu_->Pack(graph);
    return std::make_unique<FasterPackedGraph>(graph, *cpu_, device_);
  }

 private:
  const std::shared_ptr<const Backend> cpu_;
  const std::shared_ptr<LazyDevice> device_;
};

}  // namespace

std::shared_ptr<const Backend> MakeFasterBackend(std::shared_ptr<const Backend> cpu,
                                                 const FasterOptions& options) {
  if (options.device.cache_directory.empty()) return cpu;
  return std::make_shared<FasterBackend>(std::move(cpu), options);
}

}  // namespace ubp::opencl
