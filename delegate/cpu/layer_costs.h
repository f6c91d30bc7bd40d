// SPDX-License-Identifier: Apache-2.0
// What float32 convolutions and fully-connected layers cost here and in XNNPACK, in the unit of
// costs.cc.
#ifndef UBP_DELEGATE_CPU_LAYER_COSTS_H_
#define UBP_DELEGATE_CPU_LAYER_COSTS_H_

#include "delegate/backend/cost_model.h"

namespace ubp {

// Where processors differ. What moves and combines elements takes much the same time on those that
// were measured; what multiplies them does not.
struct MultiplyAddCosts {
  double taken = 1.0;          // one multiply-add, of blocks or dense
  double dense_output = 10.0;  // an element of a dense layer's output, beside its multiply-adds
  double left = 1.0;           // XNNPACK's, where the weights stay in the first cache
  double left_far = 1.0;       // ... where they do not, and of windows
  double left_tap = 0.0;       // a tap of a window, for each pixel and channels computed together
  double left_output = 15.0;   // an element of the output
};

// Of processors whose multiply-adds outrun their caches: two of 16 floats in a cycle, as in Intel's
// for servers.
constexpr MultiplyAddCosts kTwoWideUnits = {0.73, 6.0, 0.67, 1.04, 95.0, 4.0};

// Pixels of an output image that take part in vectors: behind each row come columns that windows read as
// its padding, an op's own or those of one next to it, which most have.
double PixelsComputed(const OpToRun& op);
// The same where each row has vectors of its own.
double PixelsComputedByRows(const OpToRun& op);

// Of this machine's processor.
const MultiplyAddCosts& MultiplyAddsHere();

// Of a layer with weights. For TRANSPOSE_CONV, whose output is that of a convolution to be laid out.
void SetLayerCosts(const OpToRun& op, const MultiplyAddCosts& multiply_adds, CostNode* node);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_LAYER_COSTS_H_
