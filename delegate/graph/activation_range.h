// A fused activation as the kernels apply it: a clamp.
#ifndef UBP_DELEGATE_GRAPH_ACTIVATION_RANGE_H_
#define UBP_DELEGATE_GRAPH_ACTIVATION_RANGE_H_

#include "delegate/format/attributes.h"

namespace ubp {

// The bounds of a fused activation, infinite where it has none.
struct ActivationRange {
  float min;
  float max;
};
ActivationRange RangeOf(Activation activation);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_ACTIVATION_RANGE_H_
