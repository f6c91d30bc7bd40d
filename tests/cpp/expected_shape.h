// SPDX-License-Identifier: Apache-2.0
// The shapes of operators' outputs by TensorFlow Lite's rules: counted here, apart from the code under
// test.
#ifndef UBP_TESTS_CPP_EXPECTED_SHAPE_H_
#define UBP_TESTS_CPP_EXPECTED_SHAPE_H_

#include <vector>

#include "delegate/format/attributes.h"
#include "delegate/graph/graph.h"

namespace ubp {

// Along one axis: how many windows there are, and by how many elements the first one begins before
// the input.
struct ExpectedWindows {
  int count = 0;
  int before = 0;
};

// For an input of at least one element.
ExpectedWindows CountWindows(int size, int kernel, int stride, int dilation, Padding padding);

// Of any op whose inputs suit it.
Dims ExpectedShape(const GraphOp& op, const std::vector<Dims>& inputs);

}  // namespace ubp

#endif  // UBP_TESTS_CPP_EXPECTED_SHAPE_H_
