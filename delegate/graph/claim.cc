#include "delegate/graph/claim.h"

#include <cstring>

#include "tensorflow/lite/builtin_ops.h"

namespace ubp {

std::optional<OpKind> Claim(const TfLiteRegistration& registration) {
  if (registration.builtin_code != kTfLiteBuiltinCustom || registration.custom_name == nullptr)
    return std::nullopt;
  for (const OpKind kind : {OpKind::kConv2D, OpKind::kFullyConnected}) {
    if (std::strcmp(registration.custom_name, OpName(kind)) == 0) return kind;
  }
  return std::nullopt;
}

}  // namespace ubp
