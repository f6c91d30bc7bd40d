// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/fake_model.h"

#include <numeric>

#include "delegate/cpu/cpu_backend.h"
#include "delegate/tflite/model/import.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

const Backend& TestBackend() {
  static const std::shared_ptr<const Backend> backend =
      MakeCpuBackend(&BestInstructionSet(), PlanRules());
  return *backend;
}

}  // namespace

int FakeModel::Activation(const Dims& dims, const char* name) {
  const int index = AddTensor(dims, kTfLiteFloat32);
  tensors_[index].name = name;
  tensors_[index].allocation_type = kTfLiteArenaRw;
  return index;
}

int FakeModel::Filled(const Dims& dims) {
  std::vector<float> values(std::accumulate(dims.begin(), dims.end(), size_t{1},
                                            [](size_t product, int dim) { return product * dim; }));
  std::iota(values.begin(), values.end(), 0.0f);
  return AddConstant(dims, kTfLiteFloat32, values.data(), values.size() * sizeof(float));
}

int FakeModel::Ints(const std::vector<int32_t>& values) {
  return AddConstant({static_cast<int>(values.size())}, kTfLiteInt32, values.data(),
                     values.size() * sizeof(int32_t));
}

int FakeModel::Halves(const Dims& dims, const std::vector<uint16_t>& bits) {
  return AddConstant(dims, kTfLiteFloat16, bits.data(), bits.size() * sizeof(uint16_t));
}

int FakeModel::Bytes(const std::vector<uint8_t>& bytes) {
  return AddConstant({static_cast<int>(bytes.size())}, kTfLiteUInt8, bytes.data(), bytes.size());
}

int FakeModel::Floats(const std::vector<float>& values) {
  return AddConstant({static_cast<int>(values.size())}, kTfLiteFloat32, values.data(),
                     values.size() * sizeof(float));
}

int FakeModel::Sparse(const Dims& dims, const Encoding& encoding,
                      const std::vector<float>& values) {
  const int index = AddConstant(dims, kTfLiteFloat32, values.data(), values.size() * sizeof(float));
  Encode(index, encoding);
  return index;
}

int FakeModel::SparseHalves(const Dims& dims, const Encoding& encoding,
                            const std::vector<uint16_t>& bits) {
  const int index = Halves(dims, bits);
  Encode(index, encoding);
  return index;
}

void FakeModel::Encode(int index, const Encoding& encoding) {
  levels_.emplace_back();
  for (const Encoding::Level& level : encoding.levels) {
    const bool sparse = level.format == kTfLiteDimSparseCSR;
    levels_.back().push_back({level.format, level.dense_size,
                              sparse ? IntArray(level.segments) : nullptr,
                              sparse ? IntArray(level.indices) : nullptr});
  }
  sparsities_.push_back({IntArray(encoding.traversal_order),
                         encoding.block_map.empty() ? nullptr : IntArray(encoding.block_map),
                         levels_.back().data(), static_cast<int>(encoding.levels.size())});
  tensors_[index].sparsity = &sparsities_.back();
}

void FakeModel::CustomNode(const char* name, std::vector<uint8_t> options, std::vector<int> inputs,
                           std::vector<int> outputs) {
  AddNode(kTfLiteBuiltinCustom, name, std::move(options), std::move(inputs), std::move(outputs));
}

Dims FakeModel::DimsOf(int index) const {
  const TfLiteIntArray& dims = *tensors_[index].dims;
  return Dims(dims.data, dims.data + dims.size);
}

void FakeModel::SetDims(int index, const Dims& dims) { tensors_[index].dims = IntArray(dims); }

void FakeModel::SetSignature(int index, const Dims& dims) {
  tensors_[index].dims_signature = IntArray(dims);
}

void FakeModel::Misalign(int index) {
  TfLiteTensor& tensor = tensors_[index];
  tensor.data.uint8 = Memory(tensor.data.raw, tensor.bytes, 1);
}

void FakeModel::SetInputs(std::vector<int> inputs, int index) {
  node(index).inputs = IntArray(inputs);
}

void FakeModel::SetOutputs(std::vector<int> outputs, int index) {
  node(index).outputs = IntArray(outputs);
}

ClaimResult FakeModel::ClaimNode(int index) {
  DecodedConstants decoded(FindDecoded());
  ClaimOptions options;
  options.backend = &TestBackend();
  options.decoded = &decoded;
  return Claim(*context(), node(index), registration(index), options);
}

Status FakeModel::Import(const std::vector<int>& part_inputs, const std::vector<int>& part_outputs,
                         Graph* graph, int extra) {
  std::vector<int> nodes(nodes_.size());
  std::iota(nodes.begin(), nodes.end(), 0);
  if (extra != -1) nodes.push_back(extra);
  return ImportNodes(nodes, part_inputs, part_outputs, graph);
}

Status FakeModel::ImportNodes(const std::vector<int>& nodes, const std::vector<int>& part_inputs,
                              const std::vector<int>& part_outputs, Graph* graph) {
  TfLiteDelegateParams params{};
  params.nodes_to_replace = IntArray(nodes);
  params.input_tensors = IntArray(part_inputs);
  params.output_tensors = IntArray(part_outputs);
  Claims claims;
  for (NodeDecision& decision : Decide(Take::kAll)) {
    claims.nodes[decision.node] = std::move(decision.claim);
  }
  claims.decoded = FindDecoded();
  return ImportGraph(context(), params, claims, graph);
}

std::vector<NodeDecision> FakeModel::Decide(Take take, bool sparse_from_dense) {
  DecodedConstants decoded(FindDecoded());
  ClaimOptions options;
  options.backend = &TestBackend();
  options.sparse_from_dense = sparse_from_dense;
  options.decoded = &decoded;
  std::vector<NodeDecision> decisions;
  if (DecideNodes(context(), take, options, &decisions) != kTfLiteOk) decisions.clear();
  return decisions;
}

DecodedTensors FakeModel::FindDecoded() {
  DecodedTensors tensors;
  if (FindDecodedTensors(context(), &tensors) != kTfLiteOk) tensors.clear();
  return tensors;
}

TfLiteStatus FakeModel::GetPlan(TfLiteContext* context, TfLiteIntArray** plan) {
  auto* const model = static_cast<FakeModel*>(context->impl_);
  std::vector<int> nodes(model->nodes_.size());
  std::iota(nodes.begin(), nodes.end(), 0);
  *plan = model->IntArray(nodes);
  return kTfLiteOk;
}

TfLiteStatus FakeModel::PreviewParts(TfLiteContext* context, const TfLiteIntArray* nodes,
                                     TfLiteDelegateParams** parts, int* count) {
  auto* const model = static_cast<FakeModel*>(context->impl_);
  if (static_cast<size_t>(nodes->size) != model->nodes_.size()) return kTfLiteError;
  model->part_.output_tensors = model->IntArray(model->outputs_);
  *parts = &model->part_;
  *count = 1;
  return kTfLiteOk;
}

TfLiteStatus FakeModel::GetNode(TfLiteContext* context, int index, TfLiteNode** node,
                                TfLiteRegistration** registration) {
  auto* const model = static_cast<FakeModel*>(context->impl_);
  if (index < 0 || static_cast<size_t>(index) >= model->nodes_.size()) {
    return kTfLiteError;
  }
  *node = &model->node(index);
  *registration = &model->registration(index);
  return kTfLiteOk;
}

int FakeModel::AddTensor(const Dims& dims, TfLiteType type) {
  TfLiteTensor tensor{};
  tensor.type = type;
  tensor.dims = IntArray(dims);
  tensors_.push_back(tensor);
  return static_cast<int>(tensors_.size()) - 1;
}

int FakeModel::AddConstant(const Dims& dims, TfLiteType type, const void* data, size_t bytes) {
  const int index = AddTensor(dims, type);
  tensors_[index].allocation_type = kTfLiteMmapRo;
  tensors_[index].data.uint8 = Memory(data, bytes, 0);
  tensors_[index].bytes = bytes;
  return index;
}

void FakeModel::AddNode(int builtin_code, const char* custom_name, std::vector<uint8_t> data,
                        std::vector<int> inputs, std::vector<int> outputs) {
  NodeAndRegistration added{};
  added.node.inputs = IntArray(inputs);
  added.node.outputs = IntArray(outputs);
  uint8_t* const memory = Memory(data.data(), data.size(), 0);
  if (builtin_code == kTfLiteBuiltinCustom) {
    added.node.custom_initial_data = memory;
    added.node.custom_initial_data_size = static_cast<int>(data.size());
  } else {
    added.node.builtin_data = memory;
  }
  added.registration.builtin_code = builtin_code;
  added.registration.custom_name = custom_name;
  nodes_.push_back(added);
}

// A TfLiteIntArray: its size, then its elements.
TfLiteIntArray* FakeModel::IntArray(const std::vector<int>& values) {
  std::vector<int> array = {static_cast<int>(values.size())};
  array.insert(array.end(), values.begin(), values.end());
  int_arrays_.push_back(std::move(array));
  return reinterpret_cast<TfLiteIntArray*>(int_arrays_.back().data());
}

// A copy of `data`, `offset` bytes behind an address aligned to 8.
uint8_t* FakeModel::Memory(const void* data, size_t bytes, size_t offset) {
  memory_.emplace_back((offset + bytes) / sizeof(uint64_t) + 1);
  auto* const memory = reinterpret_cast<uint8_t*>(memory_.back().data()) + offset;
  if (bytes > 0) std::memcpy(memory, data, bytes);
  return memory;
}

TfLiteContext* FakeModel::context() {
  context_.impl_ = this;
  context_.tensors = tensors_.data();
  context_.tensors_size = tensors_.size();
  context_.GetNodeAndRegistration = &GetNode;
  context_.GetExecutionPlan = &GetPlan;
  context_.PreviewDelegatePartitioning = &PreviewParts;
  return &context_;
}

}  // namespace ubp
