// SPDX-License-Identifier: Apache-2.0
// Random graphs: what their plans compute is what they compute themselves, whatever the rules of the
// planner and the number of threads, and their layouts verify.

#include "tests/cpp/random_graph.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"

namespace ubp {
namespace {

class RandomGraphTest : public testing::TestWithParam<int> {};

TEST_P(RandomGraphTest, ComputesWhatItSays) {
  constexpr int kGraphs = 100;  // of a shard
  for (int seed = GetParam() * kGraphs; seed < (GetParam() + 1) * kGraphs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomGraph random(seed);
    ExpectRuns(random.graph(), random.Rules());
    if (HasFailure()) return;  // one is enough to look at
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphTest, testing::Range(0, 8));

}  // namespace
}  // namespace ubp
