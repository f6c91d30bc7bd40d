// SPDX-License-Identifier: Apache-2.0
// Buffers of a program share memory only while none of them is needed.

#include "delegate/backend/memory_plan.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace ubp {
namespace {

bool Overlap(const BufferNeed& a, const BufferNeed& b) {
  return a.first <= b.last && b.first <= a.last;
}

bool Apart(const MemoryPlan& plan, const std::vector<BufferNeed>& needs, size_t a, size_t b) {
  return plan.offsets[a] + needs[a].size <= plan.offsets[b] ||
         plan.offsets[b] + needs[b].size <= plan.offsets[a];
}

TEST(MemoryPlanTest, BuffersOfOverlappingLifetimesDoNotOverlap) {
  std::mt19937 random(1);
  const auto draw = [&](int below) { return static_cast<int>(random() % below); };
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<BufferNeed> needs(1 + draw(12));
    for (BufferNeed& need : needs) {
      need.size = draw(500);
      need.first = draw(6);
      need.last = need.first + draw(4);
      if (draw(2) == 0) need.form = {1 + draw(2), 1, 1, 1, 1, 0};
    }
    const MemoryPlan plan = PlanMemory(needs, 16);
    for (size_t a = 0; a < needs.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % 16, 0u);
      EXPECT_LE(plan.offsets[a] + needs[a].size, plan.size);
      for (size_t b = 0; b < a; ++b) {
        // Planes keep their zeros only where no other form is ever.
        const bool same_form = needs[a].form == needs[b].form;
        const bool planes = needs[a].form[0] + needs[b].form[0] > 0;
        if (Overlap(needs[a], needs[b]) || (planes && !same_form)) {
          EXPECT_TRUE(Apart(plan, needs, a, b)) << a << " and " << b;
        }
      }
    }
  }
}

TEST(MemoryPlanTest, MemoryIsShared) {
  const MemoryPlan plan =
      PlanMemory({{100, 0, 1, {}, {}}, {100, 2, 3, {}, {}}, {40, 1, 2, {}, {}}}, 16);
  EXPECT_EQ(plan.size, 112u + 48u);
  EXPECT_EQ(plan.offsets[0], plan.offsets[1]);
}

TEST(MemoryPlanTest, AnHeirTakesMemoryOverWithinAStep) {
  const MemoryForm geometry = {1, 2, 3, 4, 5, 6};
  const std::vector<BufferNeed> needs = {{100, 0, 1, geometry, {}}, {100, 1, 2, geometry, {0}}};
  EXPECT_EQ(PlanMemory(needs, 16).size, 112u);
  std::vector<BufferNeed> strangers = needs;
  strangers[1].heir_of.clear();
  EXPECT_EQ(PlanMemory(strangers, 16).size, 224u);
}

}  // namespace
}  // namespace ubp
