// SPDX-License-Identifier: Apache-2.0
// The one place that decides which nodes of a model the delegate can take.
#ifndef UBP_DELEGATE_TFLITE_MODEL_CLAIM_H_
#define UBP_DELEGATE_TFLITE_MODEL_CLAIM_H_

#include <optional>
#include <string>
#include <vector>

#include "delegate/backend/backend.h"
#include "delegate/backend/block_choice.h"
#include "delegate/format/attributes.h"
#include "delegate/graph/graph.h"
#include "delegate/tflite/model/decoded_constants.h"
#include "delegate/tflite/model/open_sizes.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Operators on shapes, which are taken only where their result is not needed (shape_nodes.h).
enum class ShapeOp { kNone, kShape, kStridedSlice, kPack };

struct ClaimResult {
  // The node as the delegate runs it, but for its label and tensors; of a block-sparse op with nothing
  // but its attributes. Nothing: the node is left to the interpreter, unless it is a shape_op that is
  // not needed.
  std::optional<GraphOp> graph_op;
  ShapeOp shape_op = ShapeOp::kNone;
  Dims reshape;  // of a RESHAPE whose shape other nodes compute (ReshapeOp::dims)
  // The graph_op is all of a layer normalisation, of which this is the last node; or the node computes
  // something for such an op (layer_norm_nodes.h).
  bool is_whole = false;
  bool is_part = false;
  bool packed = false;    // UbpConv2D or UbpFullyConnected
  bool layer_op = false;  // such an op, or CONV_2D or FULLY_CONNECTED, that can be taken or not
  // Of a node with a graph_op: the tensors that it reads and that are computed, or given, per inference.
  std::vector<int> activations;
  BlockChoice choice;  // of a dense layer, if asked for
  CacheSlot slot;      // of the layer's weights
  int block_size = 0;  // of the blocks; 0 if it is damaged, or has none
  int code = 0;        // TfLiteBuiltinOperator
  std::string op;      // "CONV_2D"
  std::string layer;   // the output tensor's name, shortened: "stem"; may be empty
  std::string reason;  // a sentence, where the node is left

  std::optional<OpType> type() const {
    return graph_op ? std::optional<OpType>(graph_op->type()) : std::nullopt;
  }
  // A layer that runs in blocks, which leave out zeros, wherever it is taken.
  bool has_blocks() const { return packed || choice.gains; }
  // One that is worth taking by itself.
  bool sparse() const { return packed || choice.pays; }
  // Op and layer, for messages: "CONV_2D 'stem'".
  std::string label() const { return layer.empty() ? op : op + " '" + layer + "'"; }
};

struct ClaimOptions {
  const Backend* backend = nullptr;  // that is to run what is taken; never null
  // Whether CONV_2D and FULLY_CONNECTED with enough zeros among their weights count as block-sparse.
  bool sparse_from_dense = true;
  WeightCache* cache = nullptr;         // for what is made of weights, or null
  DecodedConstants* decoded = nullptr;  // that nodes may read, or null
  // Of tensors that the nodes before have written, and for what this one writes; null: a node by
  // itself.
  OpenSizes* sizes = nullptr;
};

// A block-sparse op is taken by its name alone: no other code can run it, so
// that what is wrong with one is reported when it is imported instead of left
// to the interpreter ("unresolved custom op"). A builtin operator is taken if
// and only if it can be imported.
//
// May be called before the interpreter has prepared any node: judges by the
// shapes in the model file, so that the answer also holds after inputs have
// been resized along dimensions that the file leaves open. Only what pays
// depends on open sizes, which are assumed (open_sizes.h).
ClaimResult Claim(const TfLiteContext& context, const TfLiteNode& node,
                  const TfLiteRegistration& registration, const ClaimOptions& options);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_CLAIM_H_
