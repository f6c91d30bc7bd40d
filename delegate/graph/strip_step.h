// The step that runs a group of operators strip by strip.
#ifndef UBP_DELEGATE_GRAPH_STRIP_STEP_H_
#define UBP_DELEGATE_GRAPH_STRIP_STEP_H_

#include <memory>
#include <vector>

#include "delegate/common/status.h"
#include "delegate/cpu/kernels.h"
#include "delegate/graph/layout.h"
#include "delegate/graph/steps.h"

namespace ubp {

// `buffers` are the numbers of the buffers of the group's tensors, in their order.
Status MakeStripStep(const GraphLayout& layout, const StripGroup& group, const KernelFamily& family,
                     int threads, std::vector<int> buffers, std::unique_ptr<Step>* step);

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_STRIP_STEP_H_
