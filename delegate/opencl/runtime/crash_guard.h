// SPDX-License-Identifier: Apache-2.0
// Finds out whether a process died while a driver read a compiled program: some drivers crash on
// binaries, those that they have made themselves among them.
//
// While a binary is read there is a marker: a file that the process holds a lock on. The system frees
// the lock when the process dies, in whatever way, and the file stays. So whoever finds a marker that
// it can lock knows. After kMostCrashes of them, without a binary read well in between, binaries are
// not used any more with this driver. POSIX.
#ifndef UBP_DELEGATE_OPENCL_RUNTIME_CRASH_GUARD_H_
#define UBP_DELEGATE_OPENCL_RUNTIME_CRASH_GUARD_H_

#include <string>

#include "delegate/opencl/runtime/cache_directory.h"

namespace ubp::opencl {

// Any thread.
class CrashGuard {
 public:
  static constexpr int kMostCrashes = 2;

  // Clears the cache, which must outlive the guard, where a process has died.
  explicit CrashGuard(CacheDirectory* cache);

  // Whether binaries may be read at all.
  bool allows() const { return allows_; }

  // There as long as one is read.
  class Marker {
   public:
    explicit Marker(CrashGuard* guard);
    ~Marker();
    Marker(const Marker&) = delete;
    Marker& operator=(const Marker&) = delete;

    // False where it could not be made: then nothing must be read.
    bool is_there() const { return descriptor_ >= 0; }
    // The driver has taken the binary.
    void Succeeded() { guard_->Forgive(); }

   private:
    CrashGuard* const guard_;
    std::string path_;
    int descriptor_ = -1;
  };

 private:
  std::string counter() const { return cache_->prefix() + "crashes"; }
  // Removes the markers of the dead, and says whether there was one.
  bool RemoveMarkersOfTheDead();
  void Forgive();

  CacheDirectory* const cache_;
  bool allows_ = true;
};

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_RUNTIME_CRASH_GUARD_H_
