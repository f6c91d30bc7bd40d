// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/block_size.h"

namespace ubp {

int KernelBlockSize(const LayerWeights& layer, const InstructionSet& isa) {
  int block_size = layer.attributes.block_size;
  if (layer.dense.weights != nullptr) {
    block_size = layer.dense.block_size;
    if (block_size == 0) {  // hardly any zeros
      block_size = isa.dense_block_size;
      while (block_size > layer.attributes.out_channels / layer.dense.groups) block_size /= 2;
    }
  }
  return isa.KernelsFor(block_size).block_size;
}

}  // namespace ubp
