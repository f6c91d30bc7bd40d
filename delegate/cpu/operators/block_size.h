// SPDX-License-Identifier: Apache-2.0
// In which blocks an instruction set runs a layer.
#ifndef UBP_DELEGATE_CPU_OPERATORS_BLOCK_SIZE_H_
#define UBP_DELEGATE_CPU_OPERATORS_BLOCK_SIZE_H_

#include "delegate/cpu/kernels/instruction_set.h"
#include "delegate/graph/layer_weights.h"

namespace ubp {

// The size of the blocks in which `isa` runs a layer that is run in blocks.
int KernelBlockSize(const LayerWeights& layer, const InstructionSet& isa);

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_OPERATORS_BLOCK_SIZE_H_
