// SPDX-License-Identifier: Apache-2.0
// What the functions of calls.h have in common.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_CALL_PARTS_H_
#define UBP_DELEGATE_OPENCL_KERNELS_CALL_PARTS_H_

#include <CL/cl.h>

#include <cstdint>
#include <string>

#include "delegate/base/status.h"
#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/kernels/kernel_table.h"
#include "delegate/opencl/kernels/launch.h"
#include "delegate/opencl/runtime/context.h"

namespace ubp::opencl {

// Items of a group that reduces: GROUP of common.cl.
inline constexpr int kGroup = 64;

inline int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Arguments of a kernel, one after the other; the first that fails is the status.
class Arguments {
 public:
  explicit Arguments(Kernel* kernel) : kernel_(kernel) {}

  template <class T>
  Arguments& Add(const T& value) {
    if (status_.ok()) status_ = kernel_->SetArg(next_, value);
    ++next_;
    return *this;
  }
  // Of a tensor or array that the variant does not read: any memory will do.
  Arguments& Add(const Buffer* memory, const Buffer* otherwise) {
    return Add(memory != nullptr ? *memory : *otherwise);
  }
  Arguments& Add(const Planes& planes);
  Arguments& Add(const ActivationRange& range) { return Add(range.min).Add(range.max); }

  const Status& status() const { return status_; }

 private:
  Kernel* const kernel_;
  unsigned next_ = 0;
  Status status_ = Status::Ok();
};

// Whether all elements lie inside of the memory and can be reached; `what` is "the input of pool".
Status CheckTensor(const std::string& what, const DeviceTensor& tensor, Precision precision);
// Both, of a kernel.
Status CheckTensors(const char* kernel, const DeviceTensor& input, const DeviceTensor& output,
                    Precision precision);
// Whether tensors are as large.
bool SameShape(const Planes& a, const Planes& b);

// Adds what the epilogue is compiled with.
void AddEpilogue(const Epilogue& epilogue, Choice* choice);

// Kernel and label of the variant.
Status MakeLaunch(Context* context, const char* function, Precision precision, const Choice& choice,
                  Launch* launch);

// Work of the kernels that have an item for each pixel and some of the channels: the channels of an
// item, which are an argument, and the sizes.
int DividePixels(const Context& context, const Planes& over, Launch* launch);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_CALL_PARTS_H_
