// SPDX-License-Identifier: Apache-2.0
// Checked access to a node of the interpreter. A model file is not to be
// trusted: indices, types, sizes and alignment of the tensors that a node names
// are checked here before data is touched.
//
// Messages call a tensor by its role in the node, `what`: "input", "filter".
// Views are made for one function call and hold no state.
#ifndef UBP_DELEGATE_TFLITE_MODEL_NODE_VIEW_H_
#define UBP_DELEGATE_TFLITE_MODEL_NODE_VIEW_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/tflite/model/decoded_constants.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// In the model file, with data.
bool IsConstant(const TfLiteTensor& tensor);

// As in the model file: -1 where a dimension is known only once the inputs are
// resized.
Dims FileDims(const TfLiteTensor& tensor);

// How many elements the tensor has. Dimensions that are not known yet count as 1.
double Elements(const TfLiteTensor& tensor);

class NodeView {
 public:
  // Tensors of `decoded`, which may be null, count as constants.
  NodeView(const TfLiteContext& context, const TfLiteNode& node,
           DecodedConstants* decoded = nullptr)
      : context_(context), node_(node), decoded_(decoded) {}

  int num_inputs() const { return node_.inputs->size; }
  int num_outputs() const { return node_.outputs->size; }

  // The i-th input's index in the model; kTfLiteOptionalTensor where the node
  // leaves it out.
  int InputIndex(int i) const {
    return i < num_inputs() ? node_.inputs->data[i] : kTfLiteOptionalTensor;
  }
  int OutputIndex() const { return node_.outputs->data[0]; }

  // Null where the node leaves the tensor out or names one that does not exist.
  const TfLiteTensor* Input(int i) const { return TensorAt(InputIndex(i)); }
  // Null unless the node has exactly one output and it exists.
  const TfLiteTensor* Output() const {
    return num_outputs() == 1 ? TensorAt(OutputIndex()) : nullptr;
  }

  // A constant float32 tensor of `elements` elements, aligned for float: in the model, or in
  // `decoded`.
  Status ReadFloats(int input, const std::string& what, int64_t elements, const float** data) const;
  // The same; null where the node leaves it out.
  Status ReadBias(int input, int channels, const float** bias) const;
  // Constant int8 weights of `elements` elements.
  Status ReadInt8(int input, const std::string& what, int64_t elements, const int8_t** data) const;
  // An int32 bias; null where the node leaves it out.
  Status ReadInt32Bias(int input, int channels, const int32_t** bias) const;
  // A constant int32 tensor of `elements` elements.
  Status ReadInts(int input, const std::string& what, int elements,
                  std::vector<int32_t>* values) const;

  // Where constants live that are made of others, or null: see the constructor.
  DecodedConstants* decoded() const { return decoded_; }

  // The parameters of a builtin operator; null where there are none.
  template <typename Params>
  const Params* Parameters() const {
    return static_cast<const Params*>(node_.builtin_data);
  }
  const uint8_t* custom_options() const {
    return static_cast<const uint8_t*>(node_.custom_initial_data);
  }
  size_t custom_options_size() const {
    return static_cast<size_t>(std::max(0, node_.custom_initial_data_size));
  }

 private:
  const TfLiteTensor* TensorAt(int index) const {
    const bool exists = index >= 0 && static_cast<size_t>(index) < context_.tensors_size;
    return exists ? &context_.tensors[index] : nullptr;
  }

  const TfLiteContext& context_;
  const TfLiteNode& node_;
  DecodedConstants* decoded_;
};

// A tensor of `elements` that the interpreter computes, or is given, per inference; where int8, with
// one scale and one zero point.
Status CheckActivation(const TfLiteTensor* tensor, const std::string& what, ElementType elements);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_NODE_VIEW_H_
