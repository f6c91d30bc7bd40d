// SPDX-License-Identifier: Apache-2.0
// Where the WROS dataflow (wros.h) is in the stream of a layer's blocks.
#ifndef UBP_DELEGATE_CPU_KERNELS_WROS_BLOCKS_H_
#define UBP_DELEGATE_CPU_KERNELS_WROS_BLOCKS_H_

#include <cstdint>

namespace ubp {
namespace {

// The blocks of one start channel, and the pixels they read.
struct Blocks {
  const char* input;       // WrosArgs::input
  const int32_t* offsets;  // of the next block
  const float* values;     // of the next block
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_WROS_BLOCKS_H_
