// Constants of models with 16-bit weights.
//
// Such a model stores a constant as float16, and a DEQUANTIZE node widens it to the float32 tensor
// that other nodes read. To those nodes the delegate gives the widened values itself; the
// DEQUANTIZE nodes stay with the interpreter, which runs them once.
#ifndef UBP_DELEGATE_GRAPH_WIDENED_CONSTANTS_H_
#define UBP_DELEGATE_GRAPH_WIDENED_CONSTANTS_H_

#include <map>
#include <utility>
#include <vector>

#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// The stored tensor, by the tensor that is made of it.
using WidenedTensors = std::map<int, int>;

// Those that a DEQUANTIZE of the execution plan makes of a constant float16 tensor with as many
// elements.
TfLiteStatus FindWidenedTensors(TfLiteContext* context, WidenedTensors* tensors);

// Widens what is asked for, once. Not thread-safe.
class WidenedConstants {
 public:
  explicit WidenedConstants(WidenedTensors tensors) : tensors_(std::move(tensors)) {}

  bool Has(int tensor) const { return tensors_.count(tensor) != 0; }
  // The values of a tensor that Has() knows, in `context`; they live as long as this.
  const std::vector<float>& Values(const TfLiteContext& context, int tensor);

 private:
  WidenedTensors tensors_;
  std::map<int, std::vector<float>> values_;  // by the stored tensor
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_WIDENED_CONSTANTS_H_
