// SPDX-License-Identifier: Apache-2.0
// Where the tensors of a program lie in its arena.
#ifndef UBP_DELEGATE_OPENCL_PLAN_PLACE_MEMORY_H_
#define UBP_DELEGATE_OPENCL_PLAN_PLACE_MEMORY_H_

#include <cstddef>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/shaped_graph.h"
#include "delegate/opencl/plan/tensors.h"

namespace ubp::opencl {

// `alignment` and all results are in elements. `places[t]` is the first element of tensor t, where it is
// no part of another. Fails where the arena has 2^31 elements or more.
Status PlaceMemory(const ShapedGraph& graph, const std::vector<TensorOnDevice>& tensors,
                   size_t alignment, std::vector<size_t>* places, size_t* arena);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_PLACE_MEMORY_H_
