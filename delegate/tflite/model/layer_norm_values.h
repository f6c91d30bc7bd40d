// SPDX-License-Identifier: Apache-2.0
// What nodes compute in terms of a tensor x, of its mean M over the last axis, and of
// I = 1 / sqrt(variance + epsilon): see layer_norm_nodes.h.
#ifndef UBP_DELEGATE_TFLITE_MODEL_LAYER_NORM_VALUES_H_
#define UBP_DELEGATE_TFLITE_MODEL_LAYER_NORM_VALUES_H_

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "delegate/graph/graph.h"
#include "delegate/tflite/model/node_view.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// A constant of the model, as node `node` reads it; tensor -1: none.
struct ConstantInput {
  int tensor = -1;
  size_t node = 0;
  int place = 0;
};

struct NormValue {
  enum class Form {
    kSum,       // (x * of_x + M * of_mean) * I * scale + offset, with an I if there is a `root`
    kSquares,   // (x - M)^2
    kVariance,  // the mean of that
    kShifted,   // variance + epsilon
    kRoot       // I * scale
  };

  Form form = Form::kSum;
  int x = -1;  // the tensor
  int of_x = 0;
  int of_mean = 0;
  int root = -1;  // the tensor that is I
  ConstantInput epsilon, scale, offset;
  Activation activation = Activation::kNone;  // behind it: nothing more is told of such a value
  std::set<size_t> nodes;                     // that compute it

  // Whether it is a layer normalisation.
  bool IsWhole() const { return form == Form::kSum && root >= 0 && of_x == 1 && of_mean == -1; }
};

class NormValues {
 public:
  explicit NormValues(const TfLiteContext& context) : context_(context) {}

  // What node number `node` writes, if it can be told. Nodes come in the order of execution.
  const NormValue* Follow(size_t node, const TfLiteNode& tflite_node, int builtin_code);

 private:
  using Value = std::optional<NormValue>;

  Value ValueOf(size_t node, const NodeView& view, int builtin_code) const;
  Value MeanOf(const NodeView& view) const;
  Value ArithmeticOf(size_t node, const NodeView& view, int builtin_code) const;
  Value WithConstant(const NormValue& value, const ConstantInput& constant, int builtin_code) const;
  // The two operands in terms of one x.
  bool Operands(const NodeView& view, NormValue* a, NormValue* b) const;
  const NormValue* Known(int tensor) const;

  const TfLiteContext& context_;
  std::map<int, NormValue> values_;  // by tensor
};

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_LAYER_NORM_VALUES_H_
