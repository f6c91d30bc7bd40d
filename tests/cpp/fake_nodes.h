// SPDX-License-Identifier: Apache-2.0
// Models of one node each, of every builtin operator that the delegate takes.
#ifndef UBP_TESTS_CPP_FAKE_NODES_H_
#define UBP_TESTS_CPP_FAKE_NODES_H_

#include "tests/cpp/fake_model.h"

namespace ubp {

// The places of their tensors; kSecond is the constant but for ADD, SUB, MUL and CONCATENATION.
enum { kOutput = 0, kInput = 1, kSecond = 2, kBias = 3 };

// 3x5, stride 2, SAME, RELU6: [1, 6, 8, 3] to [1, 3, 4, 8].
FakeModel ConvModel();
// 3x3, SAME: [1, 6, 8, 4].
FakeModel DepthwiseModel();
// RELU: [1, 7] to [1, 5].
FakeModel DenseModel();
// [1, 6, 8, 4].
FakeModel AddModel();
FakeModel SubModel();
FakeModel MulModel();
// MUL of [1, 6, 8, 4] with a constant [4], RELU.
FakeModel ScaleModel();
// [1, 6, 8, 4].
FakeModel ReluModel();
FakeModel ReluN1To1Model();
FakeModel Relu6Model();
FakeModel HardSwishModel();
FakeModel LogisticModel();
FakeModel TanhModel();
FakeModel EluModel();
FakeModel ExpModel();
FakeModel LogModel();
// Exact: [1, 6, 8, 4].
FakeModel GeluModel();
// alpha [1, 1, 4]: [1, 6, 8, 4].
FakeModel PReluModel();
// alpha 0.25: [1, 6, 8, 4].
FakeModel LeakyReluModel();
// [1, 6, 8, 4] and [1, 6, 8, 5] along axis 3.
FakeModel ConcatenationModel();
// beta 1.5: [1, 10].
FakeModel SoftmaxModel();
// 2x3, stride 2, VALID: [1, 6, 8, 4] to [1, 3, 3, 4].
FakeModel PoolModel();
FakeModel AveragePoolModel();
// [1, 6, 8, 4] to [1, 4].
FakeModel MeanModel();
// By 1, 2, 3 and 4: [1, 6, 8, 4] to [1, 9, 15, 4].
FakeModel PadModel();
FakeModel PadV2Model();  // with -infinity
// [2, 1, 1, 4] to [2, 4].
FakeModel TransposeConvModel();  // 2x2, stride 2, [1, 6, 8, 3] to [1, 12, 16, 4]
FakeModel ReshapeModel();
FakeModel TransposeModel();       // of channels to the end
FakeModel ResizeNearestModel();   // to [1, 12, 24, 4]
FakeModel ResizeBilinearModel();  // likewise
FakeModel DepthToSpaceModel();    // in blocks of 2
FakeModel SpaceToDepthModel();    // likewise

}  // namespace ubp

#endif  // UBP_TESTS_CPP_FAKE_NODES_H_
