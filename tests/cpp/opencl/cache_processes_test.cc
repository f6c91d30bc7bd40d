// SPDX-License-Identifier: Apache-2.0
// Processes that share a cache of compiled programs, are killed, or crash in the driver. Each load is in
// a child; this process has no OpenCL, as a child of one that has could not use it.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "delegate/opencl/runtime/cache_directory.h"
#include "delegate/opencl/runtime/crash_guard.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/fake_opencl.h"
#include "tests/cpp/opencl/fake_run.h"
#include "tests/cpp/opencl/names_in.h"
#include "tests/cpp/temporary_directory.h"

namespace ubp::opencl {
namespace {

constexpr int kLoaded = 100;  // the exit status of a process that has built no program

class CacheProcessesTest : public testing::Test {
 protected:
  // A process that loads once. Its exit status is kLoaded and the number of programs that it built.
  pid_t Start(const std::string& settings) const {
    const pid_t child = fork();
    if (child != 0) return child;
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
    setenv("FAKE_OPENCL", settings.c_str(), 1);
    RunOptions options;
    options.cache_directory = directory_.File("cache");
    const Status status = RunAll(options);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
    _exit(status.ok() ? static_cast<int>(kLoaded + GetFake("builds")) : 1);
  }

  static int Wait(pid_t child) {
    int status = 0;
    return waitpid(child, &status, 0) == child ? status : -1;
  }

  void ExpectBuilds(int builds, const std::string& settings = "") {
    const int status = Wait(Start(settings));
    ASSERT_TRUE(WIFEXITED(status)) << status;
    EXPECT_EQ(WEXITSTATUS(status), kLoaded + builds);
  }

  void ExpectCrash() {
    const int status = Wait(Start("crash=1"));
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }

  std::set<std::string> CacheNames() const { return NamesIn(directory_.File("cache")); }

  const TemporaryDirectory directory_;
};

TEST_F(CacheProcessesTest, ACrashWhileReadingDiscardsTheCache) {
  ExpectBuilds(1);
  ExpectBuilds(0);
  for (int i = 0; i < 3; ++i) {  // what was read well in between is forgiven
    ExpectCrash();
    ExpectBuilds(1, "crash=1");  // nothing is read, and so it does not crash
    ExpectBuilds(0);
  }
  EXPECT_EQ(CacheNames().size(), 1u);
}

TEST_F(CacheProcessesTest, ADriverThatAlwaysCrashesIsNotTriedForEver) {
  ExpectBuilds(1);
  for (int i = 0; i < CrashGuard::kMostCrashes; ++i) {
    ExpectCrash();
    ExpectBuilds(1, "crash=1");
  }
  for (int i = 0; i < 3; ++i) ExpectBuilds(1, "crash=1");
}

TEST_F(CacheProcessesTest, ALivingReaderIsNotTakenForADeadOne) {
  ExpectBuilds(1);
  std::unique_ptr<CacheDirectory> cache;
  // What the context takes for the fake's device.
  const CacheKey owner = {"Fake platform", "OpenCL 1.2 fake", "Fake",
                          "Fake GPU",      "OpenCL 1.2 fake", "1.0"};
  ASSERT_TRUE(CacheDirectory::Open(directory_.File("cache"), owner, &cache).ok());
  CrashGuard guard(cache.get());
  const CrashGuard::Marker marker(&guard);
  ASSERT_TRUE(marker.is_there());
  ASSERT_EQ(CacheNames().size(), 2u);
  ASSERT_EQ(CacheNames().begin()->find(cache->prefix().substr(cache->path().size() + 1)), 0u);
  ExpectBuilds(0);
  EXPECT_EQ(CacheNames().size(), 2u);
}

TEST_F(CacheProcessesTest, ManyShareACache) {
  for (int round = 0; round < 5; ++round) {
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i) children.push_back(Start(""));
    for (const pid_t child : children) {
      const int status = Wait(child);
      ASSERT_TRUE(WIFEXITED(status));
      EXPECT_GE(WEXITSTATUS(status), kLoaded);
      EXPECT_LE(WEXITSTATUS(status), kLoaded + 1);
    }
    ExpectBuilds(0);
    EXPECT_EQ(CacheNames().size(), 1u);
    std::filesystem::remove_all(directory_.File("cache"));
  }
}

TEST_F(CacheProcessesTest, KilledAtAnyTimeNothingIsLeftThatHurts) {
  for (int us = 0; us < 20000; us += 500) {
    const pid_t child = Start("");
    usleep(static_cast<useconds_t>(us));
    kill(child, SIGKILL);
    Wait(child);
    const int status = Wait(Start(""));
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) >= kLoaded) << us;
    // This one reads what is there now. Killed while it reads a second time, without one that read
    // well in between, a process is taken for one that the driver has crashed.
    ExpectBuilds(0);
  }
}

TEST_F(CacheProcessesTest, HalfWrittenFilesAreRemovedOnceTheyAreOld) {
  ExpectBuilds(1);
  const std::string entry = "cache/" + *CacheNames().begin();
  const std::string leftover = entry + ".tmp-99999-0";
  directory_.Write(leftover, directory_.Read(entry).substr(0, 60));
  ExpectBuilds(0);
  EXPECT_EQ(CacheNames().size(), 2u) << "it may be another process's, at work";
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, directory_.File(leftover).c_str(), old, 0), 0);
  ExpectBuilds(0);
  EXPECT_EQ(CacheNames().size(), 1u);
}

}  // namespace
}  // namespace ubp::opencl
