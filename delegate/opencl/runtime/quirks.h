// SPDX-License-Identifier: Apache-2.0
// What certain GPUs and drivers want.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_QUIRKS_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_QUIRKS_H_

#include <string>
#include <vector>

namespace ubp::opencl {

struct Quirks {
  // Kernels between two flushes of a queue; 0: none but at the end.
  int flush_every = 0;
  // The most accumulators of a work-item, block size times pixels, that stay in registers.
  int max_accumulators = 64;
  // Convolutions add addresses in 64 bits: WIDE_ADDRESSES of delegate/opencl/kernels/common.cl.
  bool wide_addresses = false;
  // Those in force that are not the defaults, in words.
  std::vector<std::string> notes;
};

// By what clGetDeviceInfo says.
Quirks QuirksOf(const std::string& vendor, const std::string& name, const std::string& version);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_QUIRKS_H_
