// SPDX-License-Identifier: Apache-2.0
// The delegate as an accelerator of LiteRT's CompiledModel, which has no way to be given a delegate.
//
// LiteRT looks for a GPU's accelerator in places that a user can name, registers what it finds there before
// XNNPACK, and applies accelerators in this order; nothing asks whether it is a GPU. Ours says that it is for the
// CPU, so that models compiled for the CPU get it. ubp_delegate.h has the ways in and the options.
#ifndef UBP_DELEGATE_TFLITE_LITERT_ACCELERATOR_H_
#define UBP_DELEGATE_TFLITE_LITERT_ACCELERATOR_H_

#include "delegate/tflite/litert_abi.h"

namespace ubp {

// Constant. Its functions may be called from any thread; none throws. create_delegate refuses in one sentence,
// on stderr and in RecordOfThread(), what is no such LiteRT and options that the delegate refuses.
litert::AcceleratorDefinition MakeAcceleratorDefinition();

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_LITERT_ACCELERATOR_H_
