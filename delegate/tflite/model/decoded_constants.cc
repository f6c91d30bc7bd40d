// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/decoded_constants.h"

#include <cstdint>
#include <cstring>

#include "delegate/format/half.h"
#include "delegate/tflite/model/node_view.h"
#include "delegate/tflite/model/sparse_encoding.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// The stored form of what a node decodes; -1 if it decodes no constant. DENSIFY comes before the
// DEQUANTIZE that reads its result: `known` has it.
int StoredForm(const NodeView& node, int code, const DecodedTensors& known) {
  const TfLiteTensor* const input = node.Input(0);
  const TfLiteTensor* const made = node.Output();
  if (node.num_inputs() != 1 || input == nullptr || made == nullptr) return -1;
  if (FileDims(*input) != FileDims(*made)) return -1;
  const int index = node.InputIndex(0);
  if (code == kTfLiteBuiltinDensify) {
    const bool is_float = input->type == kTfLiteFloat16 || input->type == kTfLiteFloat32;
    const bool sparse = IsConstant(*input) && input->sparsity != nullptr;
    return is_float && sparse && made->type == input->type ? index : -1;
  }
  if (code != kTfLiteBuiltinDequantize || input->type != kTfLiteFloat16 ||
      made->type != kTfLiteFloat32) {
    return -1;
  }
  const auto densified = known.find(index);
  if (densified != known.end()) return densified->second;
  const bool whole = IsConstant(*input) && input->sparsity == nullptr &&
                     input->bytes == sizeof(uint16_t) * static_cast<size_t>(Elements(*input));
  return whole ? index : -1;
}

// What is stored, value by value, in float32.
std::vector<float> Widen(const TfLiteTensor& stored) {
  const bool is_half = stored.type == kTfLiteFloat16;
  std::vector<float> values(stored.bytes / (is_half ? sizeof(uint16_t) : sizeof(float)));
  if (!is_half) {
    if (!values.empty()) {
      std::memcpy(values.data(), stored.data.raw_const, values.size() * sizeof(float));
    }
    return values;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, stored.data.raw_const + i * sizeof(bits), sizeof(bits));
    values[i] = WidenFloat16(bits);
  }
  return values;
}

Status Decode(const TfLiteTensor& stored, std::vector<float>* values) {
  *values = Widen(stored);
  if (stored.sparsity == nullptr) return Status::Ok();
  std::vector<int64_t> places;
  int64_t elements = 0;
  UBP_RETURN_IF_ERROR(DecodePlaces(*stored.sparsity, FileDims(stored),
                                   static_cast<int64_t>(values->size()), &places, &elements));
  std::vector<float> dense(elements, 0.0f);
  for (size_t i = 0; i < places.size(); ++i) dense[places[i]] = (*values)[i];
  values->swap(dense);
  return Status::Ok();
}

}  // namespace

TfLiteStatus FindDecodedTensors(TfLiteContext* context, DecodedTensors* tensors) {
  TfLiteIntArray* plan = nullptr;
  TF_LITE_ENSURE_STATUS(context->GetExecutionPlan(context, &plan));
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    TF_LITE_ENSURE_STATUS(
        context->GetNodeAndRegistration(context, plan->data[i], &node, &registration));
    const NodeView view(*context, *node);
    const int stored = StoredForm(view, registration->builtin_code, *tensors);
    if (stored >= 0) tensors->emplace(view.OutputIndex(), stored);
  }
  return kTfLiteOk;
}

Status DecodedConstants::Values(const TfLiteContext& context, int tensor,
                                const std::vector<float>** values) {
  const auto [found, added] = results_.try_emplace(tensors_.at(tensor));
  Result& result = found->second;
  if (added) result.status = Decode(context.tensors[found->first], &result.values);
  *values = &result.values;
  return result.status;
}

}  // namespace ubp
