// SPDX-License-Identifier: Apache-2.0
// The report of decisions as a file.

#include "delegate/tflite/report.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "delegate/cpu/cpu_backend.h"
#include "delegate/cpu/kernels/kernels.h"
#include "delegate/tflite/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

// A path of no file.
std::string NewPath(const std::string& name) {
  const std::string path = testing::TempDir() + "/ubp_" + name;
  std::remove(path.c_str());
  return path;
}

std::string Contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<NodeDecision> Decisions() {
  NodeDecision taken;
  taken.node = 3;
  taken.taken = true;
  taken.claim.op = "CONV_2D";
  taken.claim.layer = "a/b";
  taken.claim.choice = {true, true, 4, 0.8125, 2.5};
  taken.claim.block_size = 4;
  NodeDecision left;
  left.node = 4;
  left.claim.op = "a\"b\\c\n\x01";
  left.reason = "because.";
  return {taken, left};
}

const std::shared_ptr<const Backend>& PortableBackend() {
  static const auto* const backend =
      new std::shared_ptr<const Backend>(MakeCpuBackend(&kPortable, PlanRules()));
  return *backend;
}

TEST(ReportTest, WritesAllSubgraphs) {
  const std::string path = NewPath("all.json");
  Report report(path, *PortableBackend());
  const Status first = report.Add(Decisions());
  ASSERT_TRUE(first.ok()) << first.message();
  ASSERT_TRUE(report.Add({}).ok());
  EXPECT_EQ(Contents(path), R"({
  "version": ")" UBP_VERSION R"(",
  "kernel": "portable",
  "subgraphs": [
    [
      {"node": 3, "op": "CONV_2D", "layer": "a/b", "taken": true, "reason": "", "block_size": 4, "zeros": 0.8125, "speedup": 2.5},
      {"node": 4, "op": "a\"b\\c\u000a\u0001", "layer": "", "taken": false, "reason": "because."}
    ],
    [
    ]
  ]
}
)");
}

// Names are whatever a model file has: each byte that is no UTF-8 is replaced.
TEST(ReportTest, TextIsUtf8) {
  const std::pair<std::string, std::string> texts[] = {
      {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF", "\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"},
      {"a\xFFz", "a\\ufffdz"},
      {"\x80\xBF", "\\ufffd\\ufffd"},             // continuations of nothing
      {"\xC3", "\\ufffd"},                        // cut off
      {"\xE2\x82", "\\ufffd\\ufffd"},             // likewise
      {"\xE2\x82\"", "\\ufffd\\ufffd\\\""},       // a quote where a byte is missing
      {"\xC0\xAF", "\\ufffd\\ufffd"},             // longer than needed
      {"\xE0\x9F\xBF", "\\ufffd\\ufffd\\ufffd"},  // likewise
      {"\xF0\x8F\xBF\xBF", "\\ufffd\\ufffd\\ufffd\\ufffd"},
      {"\xED\xA0\x80", "\\ufffd\\ufffd\\ufffd"},             // half of a surrogate pair
      {"\xF4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},  // beyond U+10FFFF
  };
  for (const auto& [text, expected] : texts) {
    std::ostringstream out;
    out << Quoted{text};
    EXPECT_EQ(out.str(), '"' + expected + '"');
  }
}

TEST(ReportTest, OverwritesNothing) {
  const std::string path = NewPath("precious.json");
  std::ofstream(path) << "precious";
  Report report(path, *PortableBackend());
  EXPECT_EQ(report.Add(Decisions()).message(),
            "the report '" + path + "' exists already; choose another name.");
  EXPECT_EQ(Contents(path), "precious");
  EXPECT_FALSE(report.Add(Decisions()).ok());
  EXPECT_EQ(Contents(path), "precious");
}

TEST(ReportTest, SaysWhyItCannotBeWritten) {
  Report report(NewPath("nowhere") + "/report.json", *PortableBackend());
  EXPECT_THAT(report.Add(Decisions()).message(), HasSubstr("cannot be written: No such file"));
}

}  // namespace
}  // namespace ubp
