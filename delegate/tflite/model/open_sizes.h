// SPDX-License-Identifier: Apache-2.0
// Sizes that a model file leaves open, assumed: which nodes are taken, and in which blocks, is
// decided before the interpreter knows them.
//
// Of the model's inputs the same is assumed as by the converter (python/ubp/runtime/inputs.py): one
// picture of 224 x 224, and 128 of anything else. The converter runs the model to see what follows
// for all other tensors; here it follows from the operators.
#ifndef UBP_DELEGATE_TFLITE_MODEL_OPEN_SIZES_H_
#define UBP_DELEGATE_TFLITE_MODEL_OPEN_SIZES_H_

#include <map>
#include <vector>

#include "delegate/graph/graph.h"
#include "delegate/tflite/model/node_view.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

class OpenSizes {
 public:
  explicit OpenSizes(const TfLiteContext& context) : context_(context) {}

  // Of any tensor, all at least 1; empty where there is no such tensor. For one that a node writes,
  // call Follow() for the node first.
  Dims DimsOf(int tensor) const;

  // The sizes of what a node writes. Nodes come in the order of execution; their tensors may be
  // wrong in any way. `op`: as the delegate reads the node, of these tensors; null where it
  // does not, and then sizes grow or shrink as those in the file do.
  void Follow(const NodeView& node, const GraphOp* op, const std::vector<int>& activations);

 private:
  Dims Inferred(const GraphOp& op, const std::vector<int>& activations) const;
  Dims Scaled(const NodeView& node, const TfLiteTensor& output) const;

  const TfLiteContext& context_;
  std::map<int, Dims> written_;  // by tensor, where the file leaves a size open
};

// How many vectors of channels they are: batch * height * width of an image, rows of a matrix.
double PixelsOf(const Dims& dims);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_OPEN_SIZES_H_
