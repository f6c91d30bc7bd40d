// SPDX-License-Identifier: Apache-2.0
// Memory of a device.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_BUFFER_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_BUFFER_H_

#include <CL/cl.h>

#include <cstddef>
#include <utility>

namespace ubp::opencl {

class Context;

enum class BufferUse {
  kDevice,    // kernels read and write it
  kUpload,    // staging: the host writes it, mapped, and kernels read it
  kDownload,  // staging: kernels write it, and the host reads it, mapped
};

// Owns a cl_mem; Context::MakeBuffer makes it. Freed by OpenCL once no command uses it any more.
class Buffer {
 public:
  Buffer() = default;
  ~Buffer();
  Buffer(Buffer&& other) noexcept { Swap(&other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).Swap(this);
    return *this;
  }

  cl_mem handle() const { return handle_; }  // null of one that nothing was made in
  size_t bytes() const { return bytes_; }

 private:
  friend class Context;
  Buffer(Context* context, cl_mem handle, size_t bytes)
      : context_(context), handle_(handle), bytes_(bytes) {}

  void Swap(Buffer* other) {
    std::swap(context_, other->context_);
    std::swap(handle_, other->handle_);
    std::swap(bytes_, other->bytes_);
  }

  Context* context_ = nullptr;
  cl_mem handle_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_BUFFER_H_
