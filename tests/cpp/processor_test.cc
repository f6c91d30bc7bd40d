// SPDX-License-Identifier: Apache-2.0
// Which cores execute in order, by what Linux says of them.

#include "delegate/cpu/kernels/processor.h"

#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace ubp {
namespace {

std::string Core(const std::string& number, const std::string& implementer,
                 const std::string& part) {
  return "processor\t: " + number + "\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd aes\n" +
         "CPU implementer\t: " + implementer + "\nCPU architecture: 8\nCPU variant\t: 0x1\n" +
         "CPU part\t: " + part + "\nCPU revision\t: 0\n\n";
}

bool AnyInOrder(const std::string& text) {
  std::istringstream cpuinfo(text);
  return AnyCoreInOrder(cpuinfo);
}

TEST(AnyCoreInOrderTest, KnowsTheCores) {
  EXPECT_TRUE(AnyInOrder(Core("0", "0x41", "0xd05")));   // Cortex-A55
  EXPECT_TRUE(AnyInOrder(Core("0", "0x51", "0x803")));   // Kryo 3xx Silver
  EXPECT_FALSE(AnyInOrder(Core("0", "0x41", "0xd0c")));  // Neoverse N1
  EXPECT_FALSE(AnyInOrder(Core("0", "0x51", "0xd05")));  // a part of another implementer's
}

TEST(AnyCoreInOrderTest, OneIsEnough) {
  const std::string big = Core("0", "0x41", "0xd0b"), little = Core("1", "0x41", "0xd05");
  EXPECT_TRUE(AnyInOrder(big + little));
  EXPECT_TRUE(AnyInOrder(little + big));
  EXPECT_FALSE(AnyInOrder(big + big));
}

TEST(AnyCoreInOrderTest, OtherTextHasNone) {
  EXPECT_FALSE(AnyInOrder(""));
  EXPECT_FALSE(AnyInOrder("processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n"));
  EXPECT_FALSE(AnyInOrder("CPU implementer\nCPU part\nCPU part : \n: 0xd05\n"));
}

}  // namespace
}  // namespace ubp
