#include "delegate/graph/widened_constants.h"

#include <cstdint>
#include <cstring>

#include "delegate/format/half.h"
#include "delegate/graph/node_view.h"
#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

// A constant in float16 for each element of `made`, which is float32.
bool IsStoredForm(const TfLiteTensor* stored, const TfLiteTensor* made) {
  return stored != nullptr && made != nullptr && stored->type == kTfLiteFloat16 &&
         made->type == kTfLiteFloat32 && IsConstant(*stored) && stored->sparsity == nullptr &&
         FileDims(*stored) == FileDims(*made) &&
         stored->bytes == sizeof(uint16_t) * static_cast<size_t>(Elements(*stored));
}

}  // namespace

TfLiteStatus FindWidenedTensors(TfLiteContext* context, WidenedTensors* tensors) {
  TfLiteIntArray* plan = nullptr;
  TF_LITE_ENSURE_STATUS(context->GetExecutionPlan(context, &plan));
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    TF_LITE_ENSURE_STATUS(
        context->GetNodeAndRegistration(context, plan->data[i], &node, &registration));
    if (registration->builtin_code != kTfLiteBuiltinDequantize) continue;
    const NodeView view(*context, *node);
    if (view.num_inputs() == 1 && IsStoredForm(view.Input(0), view.Output())) {
      tensors->emplace(view.OutputIndex(), view.InputIndex(0));
    }
  }
  return kTfLiteOk;
}

const std::vector<float>& WidenedConstants::Values(const TfLiteContext& context, int tensor) {
  const auto [found, added] = values_.try_emplace(tensors_.at(tensor));
  std::vector<float>& values = found->second;
  if (!added) return values;
  const TfLiteTensor& stored = context.tensors[found->first];
  values.resize(stored.bytes / sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, stored.data.raw_const + i * sizeof(bits), sizeof(bits));
    values[i] = WidenFloat16(bits);
  }
  return values;
}

}  // namespace ubp
