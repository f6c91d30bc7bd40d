// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/interpreter.h"

#include <algorithm>
#include <cstdarg>
#include <cstdlib>
#include <utility>

#include "tests/fuzz/fuzz.h"

namespace ubp {
namespace {

TfLiteIntArray* AsIntArray(std::vector<int>* sized) {
  return reinterpret_cast<TfLiteIntArray*>(sized->data());
}

// As a TfLiteIntArray: the size, then the elements.
std::vector<int> Sized(const std::vector<int>& values) {
  std::vector<int> sized = {static_cast<int>(values.size())};
  sized.insert(sized.end(), values.begin(), values.end());
  return sized;
}

// Elements of a tensor that a test has memory for.
constexpr int64_t kMostElements = 1 << 20;

}  // namespace

Interpreter::~Interpreter() {
  for (Part& part : parts_) registration_.free(context(), part.node.user_data);
}

bool Interpreter::ModifyGraphWithDelegate(TfLiteDelegate* delegate) {
  TfLiteContext* const context = this->context();
  context->ReplaceNodeSubsetsWithDelegateKernels = &ReplaceNodes;
  context->ResizeTensor = &Resize;
  context->ReportError = &ReportError;
  context->recommended_num_threads = 1;
  return delegate->Prepare(context, delegate) == kTfLiteOk;
}

TfLiteStatus Interpreter::ReplaceNodes(TfLiteContext* context, TfLiteRegistration registration,
                                       const TfLiteIntArray* nodes, TfLiteDelegate* delegate) {
  Interpreter* const self = From(context);
  const std::set<int> taken(nodes->data, nodes->data + nodes->size);
  UBP_REQUIRE(taken.size() == static_cast<size_t>(nodes->size));
  self->num_taken_ = taken.size();
  self->registration_ = registration;
  for (const std::vector<int>& subset : self->SubsetsOf(taken)) self->MakePart(subset, delegate);
  return kTfLiteOk;
}

// Nodes that are taken and can run one after the other, as early as possible; then such as are not taken; and so on. A node whose
// inputs are never there is in no subset.
std::vector<std::vector<int>> Interpreter::SubsetsOf(const std::set<int>& taken) {
  std::set<int> waiting, unwritten;
  for (int n = 0; n < num_nodes(); ++n) {
    waiting.insert(n);
    const TfLiteIntArray& outputs = *node(n).outputs;
    unwritten.insert(outputs.data, outputs.data + outputs.size);
  }
  const auto is_ready = [&](int n) {
    const TfLiteIntArray& inputs = *node(n).inputs;
    return std::none_of(inputs.data, inputs.data + inputs.size,
                        [&](int input) { return unwritten.count(input) != 0; });
  };
  std::vector<std::vector<int>> subsets;
  for (bool progress = true; progress;) {
    progress = false;
    for (const bool is_taken : {true, false}) {
      std::vector<int> subset;
      const std::set<int> candidates = waiting;
      for (const int n : candidates) {
        if ((taken.count(n) != 0) != is_taken || !is_ready(n)) continue;
        subset.push_back(n);
        waiting.erase(n);
        const TfLiteIntArray& outputs = *node(n).outputs;
        for (int i = 0; i < outputs.size; ++i) unwritten.erase(outputs.data[i]);
      }
      progress = progress || !subset.empty();
      if (is_taken && !subset.empty()) subsets.push_back(std::move(subset));
    }
  }
  return subsets;
}

void Interpreter::MakePart(const std::vector<int>& nodes, TfLiteDelegate* delegate) {
  std::set<int> read, written, needed = model_outputs_;
  for (int n = 0; n < num_nodes(); ++n) {
    const bool inside = std::find(nodes.begin(), nodes.end(), n) != nodes.end();
    const TfLiteIntArray& inputs = *node(n).inputs;
    const TfLiteIntArray& outputs = *node(n).outputs;
    (inside ? read : needed).insert(inputs.data, inputs.data + inputs.size);
    if (inside) written.insert(outputs.data, outputs.data + outputs.size);
  }
  std::vector<int> part_inputs, part_outputs;
  for (const int tensor : read) {
    if (tensor != kTfLiteOptionalTensor && written.count(tensor) == 0)
      part_inputs.push_back(tensor);
  }
  for (const int tensor : written) {
    if (needed.count(tensor) != 0 || read.count(tensor) == 0) part_outputs.push_back(tensor);
  }
  parts_.push_back({Sized(nodes), Sized(part_inputs), Sized(part_outputs), {}});
  Part& part = parts_.back();
  part.node.inputs = AsIntArray(&part.inputs);
  part.node.outputs = AsIntArray(&part.outputs);
  part.node.delegate = delegate;
  TfLiteDelegateParams params{delegate, AsIntArray(&part.nodes), part.node.inputs,
                              part.node.outputs};
  part.node.user_data = registration_.init(context(), reinterpret_cast<const char*>(&params), 0);
}

bool Interpreter::Allocate(int index) {
  TfLiteTensor& tensor = this->tensor(index);
  if (tensor.allocation_type == kTfLiteMmapRo) return true;
  int64_t elements = 1;
  for (const int dim : DimsOf(index)) {
    if (dim < 0) return false;
    elements = std::min<int64_t>(elements * dim, kMostElements + 1);
  }
  if (elements > kMostElements) {
    too_large_ = true;
    return false;
  }
  memory_.resize(static_cast<size_t>(num_tensors()));
  std::vector<float>& memory = memory_[static_cast<size_t>(index)];
  memory = std::vector<float>(static_cast<size_t>(elements));
  for (size_t i = 0; i < memory.size(); ++i)
    memory[i] = static_cast<float>(static_cast<int>(i * 5 % 19) - 9) / 4.0f;
  tensor.data.f = memory.data();
  tensor.bytes = sizeof(float) * memory.size();
  return true;
}

// Parts are prepared in their order, so that each sees the shapes that those before it have set.
bool Interpreter::AllocateTensors() {
  for (Part& part : parts_) {
    if (registration_.prepare(context(), &part.node) != kTfLiteOk) return false;
  }
  for (int t = 0; t < num_tensors(); ++t) {
    if (!Allocate(t)) return false;
  }
  return true;
}

bool Interpreter::Invoke() {
  for (Part& part : parts_) {
    if (registration_.invoke(context(), &part.node) != kTfLiteOk) return false;
  }
  return true;
}

std::vector<float> Interpreter::PartOutputs() const {
  std::vector<float> all;
  for (const Part& part : parts_) {
    for (size_t i = 1; i < part.outputs.size(); ++i) {
      const std::vector<float>& memory = memory_[static_cast<size_t>(part.outputs[i])];
      all.insert(all.end(), memory.begin(), memory.end());
    }
  }
  return all;
}

TfLiteStatus Interpreter::Resize(TfLiteContext* context, TfLiteTensor* tensor,
                                 TfLiteIntArray* dims) {
  const Dims copy(dims->data, dims->data + dims->size);
  std::free(dims);
  From(context)->SetDims(static_cast<int>(tensor - context->tensors), copy);
  return kTfLiteOk;
}

void Interpreter::ReportError(TfLiteContext* context, const char* format, ...) {
  char message[1000];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof(message), format, arguments);
  va_end(arguments);
  From(context)->error_ = message;
}

}  // namespace ubp
