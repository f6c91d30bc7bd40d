// SPDX-License-Identifier: Apache-2.0
// An OpenCL device as a backend: the GPU of a phone or a desktop.
#ifndef UBP_DELEGATE_OPENCL_OPENCL_BACKEND_H_
#define UBP_DELEGATE_OPENCL_OPENCL_BACKEND_H_

#include <memory>
#include <string>

#include "delegate/backend/backend.h"
#include "delegate/base/status.h"
#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/runtime/cache_directory.h"
#include "delegate/opencl/runtime/queue.h"
#include "delegate/rewrite/rewrite.h"

namespace ubp::opencl {

struct BackendOptions {
  std::string device;           // as ChooseDevice() takes it; empty: the first GPU
  std::string cache_directory;  // for compiled programs; empty: none
  Precision precision = Precision::kFp32;
  bool tune = false;  // measures what the cache does not have yet
  RewriteRules rules;
  const CostModel* xnnpack = nullptr;  // what nodes cost that are left; outlives the backend
};

// Whether devices run such an op; the error says what none runs.
Status RunsOnDevices(const GraphOp& op);

// Fails with a sentence that says what to do where there is no OpenCL, no such device, or one that lacks
// what the precision needs. `cache`, if not null, is set to the device's directory, or null without one.
Status MakeOpenClBackend(const BackendOptions& options, std::shared_ptr<const Backend>* backend,
                         CacheDirectory** cache = nullptr);

// A graph as the OpenCL backend packs it.
class DevicePackedGraph : public PackedGraph {
 public:
  // Of all programs together; null before the first is compiled.
  virtual const Transfers* transfers() const = 0;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_OPENCL_BACKEND_H_
