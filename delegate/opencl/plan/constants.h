// SPDX-License-Identifier: Apache-2.0
// Constants on a device: arrays of numbers in one buffer, of which there is one for all who have the same
// numbers.
#ifndef UBP_DELEGATE_OPENCL_PLAN_CONSTANTS_H_
#define UBP_DELEGATE_OPENCL_PLAN_CONSTANTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/runtime/buffer.h"
#include "delegate/opencl/runtime/queue.h"

namespace ubp::opencl {

class Constants {
 public:
  // Adds an array, whose number is returned; elements of four bytes.
  size_t Add(const std::vector<int32_t>& array) { return AddBytes(array.data(), array.size()); }
  size_t Add(const std::vector<float>& array) { return AddBytes(array.data(), array.size()); }
  size_t Add(const float* array, size_t size) { return AddBytes(array, size); }

  // Brings them to the device, unless a buffer of the same content is there, whoever has it: several
  // interpreters of one model share its weights. Nothing may be added afterwards.
  Status Upload(Queue* queue);

  // After Upload().
  DeviceArray array(size_t number) const;
  size_t bytes() const { return buffer_ == nullptr ? 0 : buffer_->bytes(); }

 private:
  size_t AddBytes(const void* data, size_t elements);

  std::vector<uint32_t> content_;  // until it is uploaded
  std::vector<size_t> firsts_;     // element of each array, a multiple of 16
  std::shared_ptr<const Buffer> buffer_;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_CONSTANTS_H_
