// SPDX-License-Identifier: Apache-2.0
// Whether a dense layer's zeros are worth running it as a block-sparse one, and in which blocks.
#ifndef UBP_DELEGATE_BACKEND_BLOCK_CHOICE_H_
#define UBP_DELEGATE_BACKEND_BLOCK_CHOICE_H_

#include <string>

#include "delegate/backend/cost_model.h"
#include "delegate/graph/cache_slot.h"
#include "delegate/graph/layer_weights.h"

namespace ubp {

struct BlockChoice {
  bool gains = false;  // the blocks are clearly faster than dense, the layout left aside
  bool pays = false;   // the layer alone is, the changes of layout around it included
  int block_size = 0;  // the fastest one; 0 where the weights have hardly a zero, or were not read
  double zeros = 0.0;  // share of the weights, where block_size is not 0
  double speedup = 0.0;  // predicted for the layer alone, against dense; likewise
  // Of the blocks, in multiply-adds of the dense kernel; likewise.
  double cost = 0.0;
};

// One inference reads in_pixels and writes out_pixels activations of each channel.
struct LayerPixels {
  double in = 1.0;
  double out = 1.0;
};

// For a convolution or fully-connected layer with dense weights.
//
// python/ubp/conversion/decide.py is the same rule for models that are converted, with the same
// constants: a dense layer pays if and only if the converter, left to its defaults, would convert it,
// and in blocks of the same size. Only a layer in a sample of whose weights there are hardly any
// zeros is not looked at further, so that dense models lose no time.
//
// What was counted is kept in the slot's cache, if there is one, but for int8 layers, of which `costs` are
// those of int8.
BlockChoice ChooseBlocks(const BlockCosts& costs, const LayerWeights& layer,
                         const LayerPixels& pixels, CacheSlot* slot);

// "80% zeros, covered by blocks of 4"; for block_size > 0.
std::string DescribeBlocks(const BlockChoice& choice);

// The same, or why the layer alone does not pay.
std::string Describe(const BlockChoice& choice);

}  // namespace ubp

#endif  // UBP_DELEGATE_BACKEND_BLOCK_CHOICE_H_
