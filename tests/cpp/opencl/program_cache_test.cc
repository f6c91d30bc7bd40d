// SPDX-License-Identifier: Apache-2.0
// The cache of compiled programs, on the fake OpenCL: whose binary of a program is its source.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "delegate/opencl/runtime/cache_directory.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/fake_opencl.h"
#include "tests/cpp/opencl/fake_run.h"
#include "tests/cpp/opencl/names_in.h"
#include "tests/cpp/temporary_directory.h"

namespace ubp::opencl {
namespace {

class ProgramCacheTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("UBP_OPENCL_LIBRARY", FakeLibrary("libfake_opencl.so").c_str(), 1);
  }

  // What a process does with the cache, as a fresh device of the same name has a context of its own.
  struct Load {
    Status status = Status::Ok();
    int64_t builds = 0;
    int64_t binaries = 0;
    std::vector<std::string> warnings;
  };

  Load LoadOnce(const std::string& settings = "",
                const std::string& source = "source of a kernel") {
    SetFake(settings);
    Load load;
    RunOptions options;
    options.cache_directory = directory_.File("cache");
    options.source = source;
    load.status = RunAll(options);
    load.builds = GetFake("builds");
    load.binaries = GetFake("binaries");
    Device device;
    Context* context = nullptr;
    if (ChooseDevice("", &device).ok() &&
        Context::Get(device, {options.cache_directory}, &context).ok()) {
      EXPECT_EQ(context->counters().programs_built, load.builds);
      EXPECT_EQ(context->counters().programs_from_cache, load.binaries);
      load.warnings = context->cache()->TakeWarnings();
    }
    return load;
  }

  void ExpectLoad(int builds, int binaries, size_t warnings, const std::string& settings = "") {
    const Load load = LoadOnce(settings);
    EXPECT_TRUE(load.status.ok()) << load.status.message();
    EXPECT_EQ(load.builds, builds);
    EXPECT_EQ(load.binaries, binaries);
    EXPECT_EQ(load.warnings.size(), warnings)
        << (load.warnings.empty() ? "" : load.warnings.front());
    for (const std::string& warning : load.warnings) {
      EXPECT_NE(warning.find(directory_.File("cache")), std::string::npos) << warning;
    }
  }

  // The one file in the cache.
  std::string Entry() const {
    const std::set<std::string> names = CacheNames();
    EXPECT_EQ(names.size(), 1u);
    return "cache/" + (names.empty() ? "none" : *names.begin());
  }

  std::set<std::string> CacheNames() const { return NamesIn(directory_.File("cache")); }

  const TemporaryDirectory directory_;
};

TEST_F(ProgramCacheTest, TheSecondLoadBuildsNothing) {
  ExpectLoad(1, 0, 0);
  const std::string entry = Entry();
  const std::string bytes = directory_.Read(entry);
  EXPECT_NE(bytes.find("source of a kernel"), std::string::npos) << "of the fake's binary";
  ExpectLoad(0, 1, 0);
  EXPECT_EQ(directory_.Read(entry), bytes);
  EXPECT_EQ(CacheNames().size(), 1u) << "no marker is left";
}

TEST_F(ProgramCacheTest, AnotherSourceDeviceOrDriverHasItsOwn) {
  ExpectLoad(1, 0, 0);
  EXPECT_EQ(LoadOnce("", "another source").builds, 1);
  ExpectLoad(1, 0, 0, "name=Another GPU");
  ExpectLoad(1, 0, 0, "version=OpenCL 1.2 newer");
  EXPECT_EQ(CacheNames().size(), 4u);
  ExpectLoad(0, 1, 0, "name=Another GPU");
  ExpectLoad(0, 1, 0);
}

TEST_F(ProgramCacheTest, DamageOfAnyByteIsFound) {
  ExpectLoad(1, 0, 0);
  const std::string entry = Entry();
  const std::string bytes = directory_.Read(entry);
  for (size_t place = 0; place < bytes.size(); ++place) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x10);
    directory_.Write(entry, damaged);
    SCOPED_TRACE(place);
    ExpectLoad(1, 0, 1);
    EXPECT_EQ(directory_.Read(entry), bytes) << "made anew";
  }
}

TEST_F(ProgramCacheTest, ShortLongAndForeignFilesAreMadeAnew) {
  ExpectLoad(1, 0, 0);
  const std::string entry = Entry();
  const std::string bytes = directory_.Read(entry);
  std::vector<std::string> wrong = {"", "U", bytes + "x", std::string(1000, '\0'), "not of us"};
  for (size_t size = 1; size < bytes.size(); size += 7) wrong.push_back(bytes.substr(0, size));
  for (const std::string& content : wrong) {
    directory_.Write(entry, content);
    SCOPED_TRACE(content.size());
    ExpectLoad(1, 0, 1);
    EXPECT_EQ(directory_.Read(entry), bytes);
  }
}

TEST_F(ProgramCacheTest, AnEntryOfAnotherProgramIsNotTaken) {
  ExpectLoad(1, 0, 0);
  const std::string entry = Entry();
  const std::string bytes = directory_.Read(entry);
  EXPECT_EQ(LoadOnce("", "another source").builds, 1);
  for (const std::string& name : CacheNames()) directory_.Write("cache/" + name, bytes);
  EXPECT_EQ(LoadOnce("", "another source").builds, 1);
  ExpectLoad(0, 1, 0);
}

TEST_F(ProgramCacheTest, APipeOrADirectoryInPlaceOfAnEntryDoesNoHarm) {
  ExpectLoad(1, 0, 0);
  const std::string path = directory_.File(Entry());
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  ExpectLoad(1, 0, 1);
  ExpectLoad(0, 1, 0);
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  ExpectLoad(1, 0, 2);  // it cannot be read, and not be replaced
  ExpectLoad(1, 0, 2);
}

TEST_F(ProgramCacheTest, WhatTheDriverRefusesIsCompiled) {
  ExpectLoad(1, 0, 0);
  ExpectLoad(1, 0, 1, "refuse=1");
  ExpectLoad(1, 0, 1, "fail=clCreateProgramWithBinary");
  ExpectLoad(0, 1, 0);
}

TEST_F(ProgramCacheTest, DriversWithoutBinariesCompileEachTime) {
  ExpectLoad(1, 0, 0, "fail=clGetProgramInfo");
  ExpectLoad(1, 0, 0, "fail=clGetProgramInfo");
}

TEST_F(ProgramCacheTest, ADirectoryThatCannotBeIsAnError) {
  directory_.Write("cache", "a file");
  const Load load = LoadOnce();
  EXPECT_NE(load.status.message().find("'gpu_cache'"), std::string::npos) << load.status.message();
  EXPECT_NE(load.status.message().find(directory_.File("cache")), std::string::npos);
}

}  // namespace
}  // namespace ubp::opencl
