// SPDX-License-Identifier: Apache-2.0
// TFLite's sparse encoding of constants, read and checked: a model file is not to be trusted.
//
// It describes a tree. Level after level, in the order of traversal, a dimension of the tensor is
// dense, so that every node has a child for every index, or sparse: node n has the children
//
//   indices[segments[n]] .. indices[segments[n + 1] - 1]
//
// A dimension may be cut into blocks; the index within a block is a dimension of its own, behind
// those of the tensor. The values are the leaves in their order.
#ifndef UBP_DELEGATE_TFLITE_MODEL_SPARSE_ENCODING_H_
#define UBP_DELEGATE_TFLITE_MODEL_SPARSE_ENCODING_H_

#include <cstdint>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/graph/graph.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Where each of `values` stored values lies in the dense tensor of shape `dims`, which has
// `elements` elements, the last dimension contiguous; all different. Fails with what contradicts
// itself. Needs memory in proportion to what is stored.
Status DecodePlaces(const TfLiteSparsity& sparsity, const Dims& dims, int64_t values,
                    std::vector<int64_t>* places, int64_t* elements);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_MODEL_SPARSE_ENCODING_H_
