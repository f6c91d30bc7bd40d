// SPDX-License-Identifier: Apache-2.0
// Pages of a mapped file go and come back; other memory stays.

#include "delegate/base/mapped_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cpp/temporary_directory.h"

namespace ubp {
namespace {

constexpr size_t kPages = 40;

class MappedMemoryTest : public testing::Test {
 protected:
  MappedMemoryTest() : size_(kPages * static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    directory_.Write("file", std::string(size_, 'f'));
  }
  ~MappedMemoryTest() override {
    for (char* mapping : mappings_) munmap(mapping, size_);
  }

  // The whole file, every page of which is read.
  char* Map(int protection, int flags) {
    const int descriptor = open(directory_.File("file").c_str(), O_RDWR);
    void* const mapping = mmap(nullptr, size_, protection, flags, descriptor, 0);
    close(descriptor);
    EXPECT_NE(mapping, MAP_FAILED);
    mappings_.push_back(static_cast<char*>(mapping));
    EXPECT_EQ(std::count(mappings_.back(), mappings_.back() + size_, 'f'),
              static_cast<ptrdiff_t>(size_));
    return mappings_.back();
  }

  // KiB of the mapping that count as this process's, by /proc/self/smaps.
  static int Resident(const char* mapping) {
    std::ostringstream begin;
    begin << std::hex << reinterpret_cast<uintptr_t>(mapping) << '-';
    std::ifstream smaps("/proc/self/smaps");
    bool is_here = false;
    for (std::string line; std::getline(smaps, line);) {
      if (line.rfind(begin.str(), 0) == 0) is_here = true;
      if (is_here && line.rfind("Rss:", 0) == 0) return std::stoi(line.substr(4));
    }
    ADD_FAILURE() << "no mapping " << begin.str();
    return -1;
  }

  size_t size_;
  TemporaryDirectory directory_;
  std::vector<char*> mappings_;
};

#if defined(__linux__)
TEST_F(MappedMemoryTest, PagesOfAFileAreReleasedAndComeBack) {
  char* const mapping = Map(PROT_READ, MAP_SHARED);
  const int page = static_cast<int>(size_ / kPages / 1024);
  ASSERT_EQ(Resident(mapping), static_cast<int>(kPages) * page);
  // Neither the first nor the last page is in the range as a whole.
  ReleaseMappedMemory({{mapping + 1, size_ - 2}});
  EXPECT_EQ(Resident(mapping), 2 * page);
  EXPECT_EQ(std::count(mapping, mapping + size_, 'f'), static_cast<ptrdiff_t>(size_));
}
#endif

TEST_F(MappedMemoryTest, OtherMemoryStays) {
  std::vector<char> heap(size_, 'h');
  char* const changed = Map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
  std::fill_n(changed, size_, 'c');
  ASSERT_EQ(mprotect(changed, size_, PROT_READ), 0);
  char* const written = Map(PROT_READ | PROT_WRITE, MAP_SHARED);
  std::fill_n(written, size_, 'w');
  ReleaseMappedMemory(
      {{heap.data(), size_}, {changed, size_}, {written, size_}, {}, {heap.data(), 0}});
  EXPECT_EQ(std::count(heap.begin(), heap.end(), 'h'), static_cast<ptrdiff_t>(size_));
  EXPECT_EQ(std::count(changed, changed + size_, 'c'), static_cast<ptrdiff_t>(size_));
  EXPECT_EQ(std::count(written, written + size_, 'w'), static_cast<ptrdiff_t>(size_));
}

TEST_F(MappedMemoryTest, PartsAndUnmappedRangesDoNoHarm) {
  char* const mapping = Map(PROT_READ, MAP_SHARED);
  ReleaseMappedMemory({});
  ReleaseMappedMemory({{mapping, 10}, {mapping - (size_t{1} << 30), size_t{1} << 31}});
  EXPECT_EQ(std::count(mapping, mapping + size_, 'f'), static_cast<ptrdiff_t>(size_));
}

}  // namespace
}  // namespace ubp
