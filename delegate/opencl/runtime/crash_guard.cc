// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/crash_guard.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

namespace ubp::opencl {
namespace {

constexpr char kLoading[] = "loading-";

// Takes the marker of a process that has died away; false where the process lives.
bool RemoveIfDead(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return false;
  struct stat status;
  // Without a name it is one that another process has just removed.
  const bool dead = flock(descriptor, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor, &status) == 0 &&
                    status.st_nlink > 0 && unlink(path.c_str()) == 0;
  close(descriptor);
  return dead;
}

}  // namespace

CrashGuard::CrashGuard(CacheDirectory* cache) : cache_(cache) {
  if (RemoveMarkersOfTheDead()) {
    cache_->Clear();
    cache_->Warn("the compiled programs are made anew: a process ended while it read them.");
    const int descriptor = open(counter().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor >= 0) {
      if (write(descriptor, "x", 1) != 1) cache_->Warn("no crash can be counted.");
      close(descriptor);
    }
  }
  struct stat status;
  if (stat(counter().c_str(), &status) == 0 && status.st_size >= kMostCrashes) {
    allows_ = false;
    cache_->Warn("no compiled program is read any more: processes ended " +
                 std::to_string(status.st_size) +
                 " times while this driver read them; remove the directory to try again.");
  }
}

bool CrashGuard::RemoveMarkersOfTheDead() {
  bool found = false;
  for (const std::string& path : cache_->FilesWith(kLoading)) found |= RemoveIfDead(path);
  return found;
}

void CrashGuard::Forgive() { unlink(counter().c_str()); }

CrashGuard::Marker::Marker(CrashGuard* guard) : guard_(guard) {
  static std::atomic<unsigned> number{0};
  const std::string own = std::to_string(getpid()) + "-" + std::to_string(number++);
  const std::string temporary = guard->cache_->prefix() + "marker.tmp-" + own;
  path_ = guard->cache_->prefix() + kLoading + own;
  const int descriptor = open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return;
  // It gets its name when it is locked, or others would take it for one of the dead.
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 &&
      std::rename(temporary.c_str(), path_.c_str()) == 0) {
    descriptor_ = descriptor;
    return;
  }
  unlink(temporary.c_str());
  close(descriptor);
}

CrashGuard::Marker::~Marker() {
  if (descriptor_ < 0) return;
  unlink(path_.c_str());
  close(descriptor_);
}

}  // namespace ubp::opencl
