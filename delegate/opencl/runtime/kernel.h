// SPDX-License-Identifier: Apache-2.0
// A kernel with arguments of its own; its program is shared by all kernels of the same source.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_KERNEL_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_KERNEL_H_

#include <CL/cl.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "delegate/base/status.h"
#include "delegate/opencl/runtime/buffer.h"

namespace ubp::opencl {

class Context;

// What a program is compiled from, and the kernel in it.
struct KernelName {
  std::string_view source;  // the text of a .cl file; read only while the kernel is made
  std::string function;
  std::string options;  // of the compiler: "-DN=4 -DV=2"
};

// Owns a cl_kernel; Context::MakeKernel makes it. One thread at a time.
class Kernel {
 public:
  Kernel() = default;
  ~Kernel();
  Kernel(Kernel&& other) noexcept { Swap(&other); }
  Kernel& operator=(Kernel&& other) noexcept {
    Kernel(std::move(other)).Swap(this);
    return *this;
  }

  // A number, or a vector of OpenCL (cl_int8). It is copied.
  template <class T>
  Status SetArg(unsigned index, const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>);
    return SetBytes(index, sizeof(value), &value);
  }
  // The buffer must outlive the kernel's runs.
  Status SetArg(unsigned index, const Buffer& buffer) {
    const cl_mem handle = buffer.handle();
    return SetBytes(index, sizeof(handle), &handle);
  }

  cl_kernel handle() const { return handle_; }
  // The most work-items that a work-group of this kernel can have on its device.
  size_t max_work_group_size() const { return max_work_group_size_; }
  const std::string& name() const { return name_; }

 private:
  friend class Context;
  Kernel(Context* context, cl_kernel handle, std::string name, size_t max_work_group_size)
      : context_(context),
        handle_(handle),
        name_(std::move(name)),
        max_work_group_size_(max_work_group_size) {}

  Status SetBytes(unsigned index, size_t bytes, const void* value);
  void Swap(Kernel* other) {
    std::swap(context_, other->context_);
    std::swap(handle_, other->handle_);
    std::swap(name_, other->name_);
    std::swap(max_work_group_size_, other->max_work_group_size_);
  }

  Context* context_ = nullptr;
  cl_kernel handle_ = nullptr;
  std::string name_;
  size_t max_work_group_size_ = 0;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_KERNEL_H_
