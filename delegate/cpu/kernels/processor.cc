// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/kernels/processor.h"

#include <cstdlib>
#include <string>

namespace ubp {
namespace {

// As the main ID register has them, and /proc/cpuinfo as "CPU implementer" and "CPU part".
struct Core {
  unsigned long implementer;
  unsigned long part;

  bool operator==(const Core& other) const {
    return implementer == other.implementer && part == other.part;
  }
};

constexpr unsigned long kArm = 0x41;
constexpr unsigned long kQualcomm = 0x51;

// Of those that run 64-bit programs.
constexpr Core kInOrderCores[] = {
    {kArm, 0xd02},       // Cortex-A34
    {kArm, 0xd03},       // Cortex-A53
    {kArm, 0xd04},       // Cortex-A35
    {kArm, 0xd05},       // Cortex-A55
    {kArm, 0xd46},       // Cortex-A510
    {kArm, 0xd80},       // Cortex-A520
    {kArm, 0xd8f},       // Cortex-A320
    {kQualcomm, 0x801},  // Kryo 2xx Silver, a Cortex-A53
    {kQualcomm, 0x803},  // Kryo 3xx Silver, a Cortex-A55
    {kQualcomm, 0x805},  // Kryo 4xx Silver, a Cortex-A55
};

bool IsInOrder(const Core& core) {
  for (const Core& known : kInOrderCores) {
    if (core == known) return true;
  }
  return false;
}

// Whether the line is "NAME  : VALUE" with this name; VALUE is in hexadecimal.
bool ReadField(const std::string& line, const std::string& name, unsigned long* value) {
  const size_t colon = line.find(':');
  if (line.compare(0, name.size(), name) != 0 || colon == std::string::npos) return false;
  *value = std::strtoul(line.c_str() + colon + 1, nullptr, 16);
  return true;
}

}  // namespace

bool AnyCoreInOrder(std::istream& cpuinfo) {
  Core core = {};
  for (std::string line; std::getline(cpuinfo, line);) {
    ReadField(line, "CPU implementer", &core.implementer);
    if (ReadField(line, "CPU part", &core.part) && IsInOrder(core)) return true;
  }
  return false;
}

}  // namespace ubp
