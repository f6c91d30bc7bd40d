// SPDX-License-Identifier: Apache-2.0
// The file of a weight cache: read as written, and refused for anything that is wrong with it,
// checksums made to match included.

#include "delegate/cache/weight_file.h"

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kTableOffset = 64 + 128 + 64;

// A header, two entries and a table, in pieces that tests change.
struct Pieces {
  std::vector<WeightEntry> table;
  WeightFileHeader header;

  Pieces() : table(2) {
    table[0].key.source = {1, 2};
    table[0].offset = 64;
    table[0].size = 100;
    table[1].key.source = {1, 3};
    table[1].offset = 64 + 128;
    table[1].size = 64;
    Finish();
  }

  // Checksums and all.
  void Finish() { header = MakeWeightFileHeader(table, kTableOffset); }

  std::string Bytes() const {
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
    bytes.resize(kTableOffset, 'x');
    bytes.append(reinterpret_cast<const char*>(table.data()), table.size() * sizeof(WeightEntry));
    return bytes;
  }
};

Status Read(const std::string& bytes, std::vector<WeightEntry>* entries) {
  // A copy of just these bytes, so that sanitizers see what is read beyond.
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  return ReadWeightFile(copy.data(), copy.size(), entries);
}

std::string ErrorOf(const std::string& bytes) {
  std::vector<WeightEntry> entries;
  return Read(bytes, &entries).message();
}

TEST(WeightFileTest, IsReadAsWritten) {
  const Pieces pieces;
  const std::string bytes = pieces.Bytes();
  EXPECT_EQ(bytes.substr(0, 16), "UBP weight cache");
  EXPECT_TRUE(HasWeightFileMagic(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  std::vector<WeightEntry> entries;
  const Status status = Read(bytes, &entries);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(std::memcmp(entries.data(), pieces.table.data(), 2 * sizeof(WeightEntry)), 0);
}

TEST(WeightFileTest, MayHaveNoEntries) {
  Pieces pieces;
  pieces.table.clear();
  pieces.Finish();
  std::vector<WeightEntry> entries;
  EXPECT_TRUE(Read(pieces.Bytes(), &entries).ok());
  EXPECT_TRUE(entries.empty());
}

TEST(WeightFileTest, EveryByteOfHeaderAndTableCounts) {
  const std::string bytes = Pieces().Bytes();
  for (size_t i = kWeightFileMagicBytes; i < bytes.size(); ++i) {
    if (i >= sizeof(WeightFileHeader) && i < kTableOffset) continue;
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    EXPECT_NE(ErrorOf(damaged), "") << "byte " << i;
  }
}

TEST(WeightFileTest, EveryByteOfTheMagicCounts) {
  const std::string bytes = Pieces().Bytes();
  for (size_t i = 0; i < kWeightFileMagicBytes; ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 1;
    EXPECT_FALSE(HasWeightFileMagic(reinterpret_cast<const uint8_t*>(damaged.data()), i + 1));
    EXPECT_FALSE(HasWeightFileMagic(reinterpret_cast<const uint8_t*>(damaged.data()), 64));
  }
}

TEST(WeightFileTest, EveryLengthButItsOwnIsRefused) {
  const std::string bytes = Pieces().Bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ErrorOf(bytes.substr(0, size)), HasSubstr("is damaged")) << size;
  }
  EXPECT_THAT(ErrorOf(bytes + "x"), HasSubstr("expected " + std::to_string(bytes.size())));
}

TEST(WeightFileTest, OtherVersionsAreNamed) {
  Pieces pieces;
  pieces.header.version = 7;
  EXPECT_EQ(ErrorOf(pieces.Bytes()), "is of format version 7, this delegate's is 1");
}

struct Forgery {
  const char* name;
  std::function<void(Pieces*)> forge;
  const char* message;
};

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

// What has right checksums, and is wrong nevertheless.
const Forgery kForgeries[] = {
    {"EntryInTheHeader", [](Pieces* p) { p->table[0].offset = 0; }, "between header and table"},
    {"EntryInTheTable", [](Pieces* p) { p->table[1].size = 65; }, "between header and table"},
    {"EntryBehindTheFile", [](Pieces* p) { p->table[1].offset = 1 << 20; }, "between header"},
    {"EntryNotAligned", [](Pieces* p) { p->table[0].offset = 68; }, "between header and table"},
    {"EntryOfAnySize", [](Pieces* p) { p->table[0].size = kHuge; }, "between header and table"},
    {"EntryThatWrapsAround", [](Pieces* p) { p->table[0].size = kHuge - 63; }, "between header"},
    {"EntryAnywhere", [](Pieces* p) { p->table[0].offset = kHuge - 63; }, "between header"},
};

class ForgeryTest : public testing::TestWithParam<Forgery> {};

TEST_P(ForgeryTest, IsRefused) {
  Pieces pieces;
  GetParam().forge(&pieces);
  pieces.Finish();
  EXPECT_THAT(ErrorOf(pieces.Bytes()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(All, ForgeryTest, testing::ValuesIn(kForgeries),
                         [](const auto& info) { return info.param.name; });

// The header with another value, and the checksum that goes with it.
std::string WithHeader(const std::function<void(WeightFileHeader*)>& change) {
  Pieces pieces;
  change(&pieces.header);
  pieces.header.header_checksum =
      ChecksumOf(&pieces.header, offsetof(WeightFileHeader, header_checksum));
  return pieces.Bytes();
}

TEST(WeightFileTest, HeadersThatDoNotFitTheFileAreRefused) {
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, kTableOffset - 64, kTableOffset + 1,
                                kTableOffset + 64, uint64_t{1} << 40, kHuge - 63, kHuge}) {
    EXPECT_THAT(ErrorOf(WithHeader([&](auto* header) { header->table_offset = offset; })),
                HasSubstr("table"))
        << offset;
  }
  for (const uint32_t count : {0u, 1u, 3u, 0xFFFFFFFFu}) {
    EXPECT_THAT(ErrorOf(WithHeader([&](auto* header) { header->count = count; })),
                HasSubstr("table"))
        << count;
  }
}

}  // namespace
}  // namespace ubp
