// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/part.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "delegate/backend/backend.h"
#include "delegate/base/mapped_memory.h"
#include "delegate/graph/dims.h"
#include "delegate/tflite/delegate.h"
#include "delegate/tflite/log.h"
#include "delegate/tflite/model/import.h"
#include "delegate/tflite/thread_record.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// Imported and checked when the interpreter makes the node, compiled whenever shapes are
// (re)allocated. Weights are packed the first time.
class Part {
 public:
  Part(TfLiteContext* context, const TfLiteDelegateParams& params)
      : delegate_(Delegate::From(params.delegate)->shared_from_this()),
        loading_(delegate_->StartLoading()),
        imported_(ImportGraph(context, params, delegate_->ClaimsOf(context), &graph_)),
        packed_(delegate_->backend().Pack(graph_)) {}
  ~Part() { DropProgram(); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  Status Prepare(TfLiteContext* context) {
    UBP_RETURN_IF_ERROR(imported_);
    DropProgram();  // its activations are not kept beside those of the new one
    CompileOptions options;
    options.pool = delegate_->Pool(delegate_->NumThreads(*context));
    options.profile = delegate_->profile() != nullptr;
    threads_ = options.pool->threads();
    std::vector<Dims> dims(graph_.tensors.size());
    for (size_t t = 0; t < dims.size(); ++t) {
      if (graph_.tensors[t].storage == Storage::kInput) dims[t] = DimsOf(Tensor(context, t));
    }
    const int64_t packings = packed_->packings();
    const Status compiled = packed_->Compile(options, &dims, &program_);
    for (const std::string& warning : packed_->TakeWarnings()) Log(LogLevel::kWarning, warning);
    UBP_RETURN_IF_ERROR(compiled);
    if (packed_->packings() > packings) {
      if (loading_ == nullptr) loading_ = delegate_->StartLoading();
      loading_->AddCopied(CopiedWeights());
    }
    loading_ = nullptr;
    UBP_RETURN_IF_ERROR(ResizeOutputs(context, dims));
    memory_.assign(graph_.tensors.size(), nullptr);
    bytes_.clear();
    for (size_t t = 0; t < dims.size(); ++t) {
      bytes_.push_back(
          static_cast<size_t>(ElementsOf(dims[t]) * graph_.tensors[t].type.element_bytes()));
    }
    if (delegate_->options().log_info) LogProgram();
    return Status::Ok();
  }

  // Throws only where it starts threads anew.
  Status Invoke(TfLiteContext* context) {
    for (size_t t = 0; t < graph_.tensors.size(); ++t) {
      if (graph_.tensors[t].storage == Storage::kInternal) continue;
      const TfLiteTensor& tensor = Tensor(context, t);
      // It may be a constant without data, or another part's output as well, which has resized it.
      const size_t bytes = tensor.data.raw != nullptr ? tensor.bytes : 0;
      if (bytes < bytes_[t]) {
        return Status::Error("tensor " + std::to_string(graph_.tensors[t].model_index) +
                             " of the model has " + std::to_string(bytes) + " bytes, expected " +
                             std::to_string(bytes_[t]) +
                             ": the model is damaged, or the tensor was not allocated.");
      }
      memory_[t] = tensor.data.raw;
    }
    return program_->Run(memory_);
  }

 private:
  TfLiteTensor& Tensor(TfLiteContext* context, size_t t) const {
    return context->tensors[graph_.tensors[t].model_index];
  }

  // Adds its times to the profile, if there is one. Throws nothing, as the standard library does
  // when memory runs out: the interpreter may be freeing the part.
  void DropProgram() {
    if (program_ == nullptr) return;
    try {
      if (delegate_->options().log_info) LogActivity();
      if (delegate_->profile() != nullptr) {
        const Status status = delegate_->profile()->Add(program_->profile(), threads_);
        if (!status.ok()) Log(LogLevel::kWarning, status.message());
      }
    } catch (const std::exception& error) {
      Log(LogLevel::kWarning, std::string("the profile is not written: ") + error.what());
    }
    program_ = nullptr;
  }

  // What the model has of the weights that are packed now: it is not read again, but for a layer that
  // another shape needs in another form.
  std::vector<MemoryRange> CopiedWeights() const {
    std::vector<MemoryRange> ranges;
    for (const GraphOp& op : graph_.ops) {
      const LayerWeights* layer = LayerOf(op);
      if (layer == nullptr) continue;
      const LayerAttributes& attributes = layer->attributes;
      if (layer->int8.weights != nullptr) {
        ranges.push_back({layer->int8.weights,
                          static_cast<size_t>(attributes.lanes()) * attributes.out_channels});
      } else if (layer->dense.weights != nullptr) {
        ranges.push_back(
            {layer->dense.weights, sizeof(float) * attributes.lanes() * attributes.out_channels});
      } else if (layer->packed.values_in_place() == nullptr) {
        ranges.push_back({layer->packed.data(), layer->packed.size()});
      }
    }
    return ranges;
  }

  static Dims DimsOf(const TfLiteTensor& tensor) {
    return Dims(tensor.dims->data, tensor.dims->data + tensor.dims->size);
  }

  Status ResizeOutputs(TfLiteContext* context, const std::vector<Dims>& dims) const {
    for (size_t t = 0; t < dims.size(); ++t) {
      if (graph_.tensors[t].storage != Storage::kOutput) continue;
      // The interpreter frees this array with free(); its own function to make one is not exported
      // to plugins.
      auto* array = static_cast<TfLiteIntArray*>(std::malloc(sizeof(int) * (dims[t].size() + 1)));
      if (array == nullptr) return Status::Error("out of memory.");
      array->size = static_cast<int>(dims[t].size());
      std::copy(dims[t].begin(), dims[t].end(), array->data);
      if (context->ResizeTensor(context, &Tensor(context, t), array) != kTfLiteOk) {
        return Status::Error("the interpreter refused to resize an output.");
      }
    }
    return Status::Ok();
  }

  void LogProgram() const {
    const size_t weights = packed_->weight_bytes() + program_->prepared_bytes();
    Log(LogLevel::kInfo,
        std::to_string(graph_.ops.size()) + " layer(s) from " + graph_.ops.front().label +
            " on, kernel " + program_->name() + ", " + std::to_string(threads_) + " thread(s), " +
            std::to_string(weights / 1024) + " KiB of weights beside the model, " +
            std::to_string(program_->arena_bytes() / 1024) + " KiB of activations.");
    LogActivity();
  }

  // When a program is there, and when it has run for the last time.
  void LogActivity() const {
    const std::string activity = packed_->activity();
    if (activity.empty()) return;
    Log(LogLevel::kInfo, "the device, for the part from " + graph_.ops.front().label +
                             " on, until now: " + activity + ".");
  }

  const std::shared_ptr<Delegate> delegate_;
  std::shared_ptr<Loading> loading_;  // until there is a program
  Graph graph_;
  Status imported_;
  std::unique_ptr<PackedGraph> packed_;
  std::unique_ptr<Program> program_;
  int threads_ = 1;            // that the program runs on
  std::vector<size_t> bytes_;  // of each tensor of the graph
  std::vector<void*> memory_;  // of each tensor of the graph, during an invocation
};

// The C++ standard library throws when memory runs out; nothing may be thrown through the
// interpreter.
void* Init(TfLiteContext* context, const char* buffer, size_t) {
  try {
    return new Part(context, *reinterpret_cast<const TfLiteDelegateParams*>(buffer));
  } catch (const std::exception& error) {
    Fail(context, error.what());
    return nullptr;
  }
}

void Free(TfLiteContext*, void* part) { delete static_cast<Part*>(part); }

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  auto* const part = static_cast<Part*>(node->user_data);
  if (part == nullptr) return kTfLiteError;  // reported by Init
  try {
    const Status status = part->Prepare(context);
    return status.ok() ? kTfLiteOk : Fail(context, status.message());
  } catch (const std::exception& error) {
    return Fail(context, error.what());
  }
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  try {
    const Status status = static_cast<Part*>(node->user_data)->Invoke(context);
    return status.ok() ? kTfLiteOk : Fail(context, status.message());
  } catch (const std::exception& error) {
    return Fail(context, error.what());
  }
}

}  // namespace

TfLiteStatus Fail(TfLiteContext* context, const std::string& message) {
  RecordOfThread().AddError(message);
  context->ReportError(context, "%s\n", message.c_str());
  return kTfLiteError;
}

TfLiteRegistration PartRegistration() {
  TfLiteRegistration registration{};
  registration.init = &Init;
  registration.free = &Free;
  registration.prepare = &Prepare;
  registration.invoke = &Invoke;
  registration.builtin_code = kTfLiteBuiltinDelegate;
  registration.custom_name = "UbpDelegate";
  registration.version = 1;
  return registration;
}

}  // namespace ubp
