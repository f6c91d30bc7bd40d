// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/runtime/quirks.h"

#include <cctype>
#include <cstdlib>

namespace ubp::opencl {
namespace {

bool Contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// 630 of "OpenCL 2.0 Adreno(TM) 630"; 0 where there is none.
int NumberAfter(const std::string& text, const char* word) {
  size_t place = text.find(word);
  if (place == std::string::npos) return 0;
  while (place < text.size() && std::isdigit(static_cast<unsigned char>(text[place])) == 0) ++place;
  return std::atoi(text.c_str() + place);
}

void Flush(int kernels, Quirks* quirks) {
  quirks->flush_every = kernels;
  quirks->notes.push_back("queues are flushed every " + std::to_string(kernels) + " kernels");
}

void FewRegisters(Quirks* quirks) {
  quirks->max_accumulators = 32;
  quirks->notes.push_back("at most 32 accumulators a work-item");
}

}  // namespace

Quirks QuirksOf(const std::string& vendor, const std::string& name, const std::string& version) {
  Quirks quirks;
  if (Contains(name, "Mali") || Contains(name, "Immortalis")) {
    Flush(24, &quirks);
    FewRegisters(&quirks);
  } else if (Contains(name, "PowerVR") || Contains(vendor, "Imagination")) {
    Flush(Contains(name, "Rogue") ? 4 : 16, &quirks);
    FewRegisters(&quirks);
  } else if (Contains(name, "Adreno")) {
    // The name is often "QUALCOMM Adreno(TM)" alone, and the version has the number.
    const int in_name = NumberAfter(name, "Adreno");
    const int model = in_name > 0 ? in_name : NumberAfter(version, "Adreno");
    if (model > 0 && model <= 630) Flush(16, &quirks);
  } else if (Contains(vendor, "NVIDIA")) {
    quirks.wide_addresses = true;
    quirks.notes.push_back("convolutions add addresses in 64 bits");
  }
  return quirks;
}

}  // namespace ubp::opencl
