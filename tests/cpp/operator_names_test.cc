// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/operator_names.h"

#include <gtest/gtest.h>

#include "tensorflow/lite/builtin_ops.h"

namespace ubp {
namespace {

TEST(OperatorNames, AreThoseOfTheSchema) {
  EXPECT_EQ(OperatorName(kTfLiteBuiltinAdd), "ADD");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinConv2d), "CONV_2D");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinCustom), "CUSTOM");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinPrelu), "PRELU");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinLeakyRelu), "LEAKY_RELU");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinHardSwish), "HARD_SWISH");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinBatchMatmul), "BATCH_MATMUL");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinVarHandle), "VAR_HANDLE");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinGelu), "GELU");
  EXPECT_EQ(OperatorName(kTfLiteBuiltinStablehloAdd), "STABLEHLO_ADD");
}

TEST(OperatorNames, OtherNodesAreDescribed) {
  EXPECT_EQ(OperatorName(kTfLiteBuiltinDelegate), "the node of another delegate");
  EXPECT_EQ(OperatorName(12345), "builtin operator 12345");
  EXPECT_EQ(OperatorName(-1), "builtin operator -1");
}

}  // namespace
}  // namespace ubp
