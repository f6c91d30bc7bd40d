// The one place that decides which nodes of a model the delegate takes.
#ifndef UBP_DELEGATE_GRAPH_CLAIM_H_
#define UBP_DELEGATE_GRAPH_CLAIM_H_

#include <optional>

#include "delegate/format/attributes.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// The kind of a node that is taken, or nothing. A node is taken by its name alone: no other code
// can run our custom ops, so that what is wrong with one is reported instead of left to the
// interpreter ("unresolved custom op").
std::optional<OpKind> Claim(const TfLiteRegistration& registration);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_CLAIM_H_
