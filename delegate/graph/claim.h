// The one place that decides which nodes of a model the delegate can take.
#ifndef UBP_DELEGATE_GRAPH_CLAIM_H_
#define UBP_DELEGATE_GRAPH_CLAIM_H_

#include <optional>
#include <string>

#include "delegate/graph/graph.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

struct ClaimResult {
  // Nothing: the node is left to the interpreter.
  std::optional<OpType> type;
  bool sparse = false;  // UbpConv2D or UbpFullyConnected
  // Op and layer, for messages: "CONV_2D 'stem'".
  std::string label;
  std::string reason;  // a sentence, where the node is left
};

// A block-sparse op is taken by its name alone: no other code can run it, so
// that what is wrong with one is reported when it is imported instead of left
// to the interpreter ("unresolved custom op"). A builtin operator is taken if
// and only if it can be imported.
//
// May be called before the interpreter has prepared any node: judges by the
// shapes in the model file, so that the answer also holds after inputs have
// been resized along dimensions that the file leaves open.
ClaimResult Claim(const TfLiteContext& context, const TfLiteNode& node,
                  const TfLiteRegistration& registration);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_CLAIM_H_
