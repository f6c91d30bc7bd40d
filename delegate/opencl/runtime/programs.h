// SPDX-License-Identifier: Apache-2.0
// The compiled programs of a context.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_PROGRAMS_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_PROGRAMS_H_

#include <CL/cl.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "delegate/base/status.h"
#include "delegate/opencl/runtime/cache_directory.h"
#include "delegate/opencl/runtime/crash_guard.h"
#include "delegate/opencl/runtime/kernel.h"

namespace ubp::opencl {

class Context;

// Each is built once, and kept as long as the context: for ever. Any thread; different programs are
// built at the same time.
class Programs {
 public:
  explicit Programs(Context* context) : context_(context) {}

  // Reads programs from the cache, and keeps new ones there. Before the first Get().
  void SetCache(CacheDirectory* cache);

  // A program that did not build is tried again at the next call.
  Status Get(const KernelName& name, cl_program* program);

 private:
  struct Item {
    std::mutex mutex;
    cl_program program = nullptr;
  };
  using Key = std::pair<std::string, std::string>;  // source, options

  Item* Find(const KernelName& name);
  Status Build(const KernelName& name, cl_program* program);
  // Null where there is none of use in the cache.
  cl_program Read(const KernelName& name);
  void Keep(const KernelName& name, cl_program program);
  std::string FirstError(cl_program program);

  Context* const context_;
  CacheDirectory* cache_ = nullptr;
  std::unique_ptr<CrashGuard> guard_;  // null without a cache
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<Item>> items_;  // guarded by mutex_
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_PROGRAMS_H_
