// SPDX-License-Identifier: Apache-2.0
// Why a delegate takes nothing of a model, in one sentence.
#ifndef UBP_DELEGATE_TFLITE_SUMMARY_H_
#define UBP_DELEGATE_TFLITE_SUMMARY_H_

#include <string>
#include <vector>

#include "delegate/tflite/model/partition.h"

namespace ubp {

// What holds for the most layers, all of which are left; where several reasons hold for as many, the
// one found first. There is a layer. `sparse_from_dense`: whether zeros were looked for.
std::string WhyLayersAreLeft(const std::vector<NodeDecision>& decisions, bool sparse_from_dense);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_SUMMARY_H_
