// SPDX-License-Identifier: Apache-2.0
// A TfLiteContext made by hand: tensors and nodes as the interpreter shows them
// to a delegate before it has prepared anything.
#ifndef UBP_TESTS_CPP_FAKE_MODEL_H_
#define UBP_TESTS_CPP_FAKE_MODEL_H_

#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "delegate/tflite/model/claim.h"
#include "delegate/tflite/model/partition.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// TFLite's sparse encoding of a constant, level by level; `dense_size` counts for dense levels.
struct Encoding {
  struct Level {
    TfLiteDimensionType format = kTfLiteDimDense;
    int dense_size = 0;
    std::vector<int> segments;
    std::vector<int> indices;
  };

  std::vector<int> traversal_order;
  std::vector<int> block_map;
  std::vector<Level> levels;
};

// Owns everything it shows. Imported graphs refer to its constants.
class FakeModel {
 public:
  // Each returns the index of a new tensor.
  int Activation(const Dims& dims, const char* name = "");  // float32
  // Constants; Filled is float32: 0, 1, 2, ...
  int Filled(const Dims& dims);
  int Ints(const std::vector<int32_t>& values);
  int Halves(const Dims& dims, const std::vector<uint16_t>& bits);  // float16
  int Bytes(const std::vector<uint8_t>& bytes);
  int Floats(const std::vector<float>& values);
  // Of shape `dims` in TFLite's sparse encoding.
  int Sparse(const Dims& dims, const Encoding& encoding, const std::vector<float>& values);
  int SparseHalves(const Dims& dims, const Encoding& encoding, const std::vector<uint16_t>& bits);

  // Each adds a node. Parameters are copied.
  template <typename Params>
  void Node(int builtin_code, std::vector<int> inputs, std::vector<int> outputs,
            const Params& params) {
    std::vector<uint8_t> bytes(sizeof(Params));
    std::memcpy(bytes.data(), &params, sizeof(Params));
    AddNode(builtin_code, nullptr, std::move(bytes), std::move(inputs), std::move(outputs));
  }
  void CustomNode(const char* name, std::vector<uint8_t> options, std::vector<int> inputs,
                  std::vector<int> outputs);

  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  int num_tensors() const { return static_cast<int>(tensors_.size()); }
  TfLiteTensor& tensor(int index) { return tensors_[index]; }
  Dims DimsOf(int index) const;
  void SetDims(int index, const Dims& dims);
  // Of a model with open dimensions.
  void SetSignature(int index, const Dims& dims);
  void Misalign(int index);

  // Outputs of the model.
  void MarkOutput(int tensor) { outputs_.push_back(tensor); }

  // As it is after all that was added.
  TfLiteContext* context();

  TfLiteNode& node(int index = 0) { return nodes_[index].node; }
  TfLiteRegistration& registration(int index = 0) { return nodes_[index].registration; }
  template <typename Params>
  Params& params(int index = 0) {
    return *static_cast<Params*>(node(index).builtin_data);
  }
  void SetInputs(std::vector<int> inputs, int index = 0);
  void SetOutputs(std::vector<int> outputs, int index = 0);

  ClaimResult ClaimNode(int index = 0);
  // Whether each node is taken, and why not, of the execution plan 0, 1, 2, ...
  std::vector<NodeDecision> Decide(Take take, bool sparse_from_dense = true);
  // Imports these nodes as one part.
  Status ImportNodes(const std::vector<int>& nodes, const std::vector<int>& part_inputs,
                     const std::vector<int>& part_outputs, Graph* graph);
  // Imports all nodes, and the node `extra` where it is not -1.
  Status Import(const std::vector<int>& part_inputs, const std::vector<int>& part_outputs,
                Graph* graph, int extra = -1);

 private:
  struct NodeAndRegistration {
    TfLiteNode node;
    TfLiteRegistration registration;
  };

  static TfLiteStatus GetNode(TfLiteContext* context, int index, TfLiteNode** node,
                              TfLiteRegistration** registration);

  static TfLiteStatus GetPlan(TfLiteContext* context, TfLiteIntArray** plan);

  // One part of all nodes.
  static TfLiteStatus PreviewParts(TfLiteContext* context, const TfLiteIntArray* nodes,
                                   TfLiteDelegateParams** parts, int* count);

  int AddTensor(const Dims& dims, TfLiteType type);
  int AddConstant(const Dims& dims, TfLiteType type, const void* data, size_t bytes);
  void Encode(int index, const Encoding& encoding);
  void AddNode(int builtin_code, const char* custom_name, std::vector<uint8_t> data,
               std::vector<int> inputs, std::vector<int> outputs);
  TfLiteIntArray* IntArray(const std::vector<int>& values);
  uint8_t* Memory(const void* data, size_t bytes, size_t offset);
  DecodedTensors FindDecoded();

  TfLiteContext context_{};
  TfLiteDelegateParams part_{};  // previewed
  std::vector<int> outputs_;
  std::vector<TfLiteTensor> tensors_;
  std::deque<NodeAndRegistration> nodes_;
  // Deques of vectors: what the structs above point to stays where it is.
  std::deque<std::vector<int>> int_arrays_;
  std::deque<std::vector<TfLiteDimensionMetadata>> levels_;
  std::deque<TfLiteSparsity> sparsities_;
  std::deque<std::vector<uint64_t>> memory_;
};

}  // namespace ubp

#endif  // UBP_TESTS_CPP_FAKE_MODEL_H_
