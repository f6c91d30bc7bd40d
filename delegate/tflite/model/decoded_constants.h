// SPDX-License-Identifier: Apache-2.0
// Constants that a model stores in another form than its operators read.
//
// DEQUANTIZE widens a constant float16 to the float32 tensor that other nodes read; DENSIFY makes a
// dense tensor of one in TFLite's sparse encoding, of which DEQUANTIZE may widen the result. To those
// nodes the delegate gives the decoded values itself; the nodes that decode stay with the
// interpreter, which runs them once.
#ifndef UBP_DELEGATE_TFLITE_MODEL_DECODED_CONSTANTS_H_
#define UBP_DELEGATE_TFLITE_MODEL_DECODED_CONSTANTS_H_

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "delegate/base/status.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// The stored tensor, by the tensor that is made of it.
using DecodedTensors = std::map<int, int>;

// Those that nodes of the execution plan make of a constant of the same shape, which is float16 or,
// in the sparse encoding, float32. What is made is float32, or the float16 that is still to be
// widened. The encoding is not looked into.
TfLiteStatus FindDecodedTensors(TfLiteContext* context, DecodedTensors* tensors);

// Decodes what is asked for, once. Not thread-safe.
class DecodedConstants {
 public:
  explicit DecodedConstants(DecodedTensors tensors) : tensors_(std::move(tensors)) {}

  bool Has(int tensor) const { return tensors_.count(tensor) != 0; }
  // The values of a tensor that Has() knows, in `context`, widened to float32; they live as long as
  // this. Fails if what is stored contradicts itself.
  Status Values(const TfLiteContext& context, int tensor, const std::vector<float>** values);

  // What was made of constants in another way: it lives as long as this.
  template <class Value>
  const Value* Keep(std::vector<Value> values) {
    const auto kept = std::make_shared<const std::vector<Value>>(std::move(values));
    kept_.push_back(kept);
    return kept->data();
  }

 private:
  struct Result {
    Status status = Status::Ok();
    std::vector<float> values;
  };

  DecodedTensors tensors_;
  std::map<int, Result> results_;  // by the stored tensor
  std::vector<std::shared_ptr<const void>> kept_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_DECODED_CONSTANTS_H_
