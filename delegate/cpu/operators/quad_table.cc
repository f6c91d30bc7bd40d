// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_table.h"

#include <algorithm>

#include "delegate/cpu/operators/quad_layout.h"

namespace ubp {
namespace {

constexpr int kPlanesPerJob = 4;
constexpr int64_t kValuesPerJob = 16384;

}  // namespace

QuadTable::QuadTable(const Int8Table& table, uint8_t flip) {
  for (int q = -128; q < 128; ++q) {
    const auto stored = static_cast<uint8_t>(static_cast<uint8_t>(q) ^ flip);
    table_[stored] = static_cast<uint8_t>(static_cast<uint8_t>(table[q + 128]) ^ flip);
  }
}

void QuadTable::Run(const uint8_t* from, int64_t count, uint8_t* to) const {
  for (int64_t i = 0; i < count; ++i) to[i] = table_[from[i]];
}

void QuadTable::RunPlanes(const PlaneTensor& tensor, const float* input,
                          const PlaneGeometry& output, float* result, ThreadPool* pool) const {
  const PlaneGeometry& geometry = tensor.geometry;
  const int planes = tensor.batch * tensor.channels;
  pool->Run((planes + kPlanesPerJob - 1) / kPlanesPerJob, [&](int job, int) {
    const int end = std::min(planes, (job + 1) * kPlanesPerJob);
    for (int plane = job * kPlanesPerJob; plane < end; ++plane) {
      const float* from = input + plane * geometry.plane_stride + geometry.lead;
      float* to = result + plane * output.plane_stride + output.lead;
      for (int y = 0; y < geometry.height; ++y, from += geometry.pitch, to += output.pitch) {
        Run(reinterpret_cast<const uint8_t*>(from), int64_t{kQuad} * geometry.width,
            reinterpret_cast<uint8_t*>(to));
      }
    }
  });
}

void QuadTable::RunValues(int64_t count, const float* input, float* result,
                          ThreadPool* pool) const {
  const auto* const from = reinterpret_cast<const uint8_t*>(input);
  auto* const to = reinterpret_cast<uint8_t*>(result);
  pool->Run(static_cast<int>((count + kValuesPerJob - 1) / kValuesPerJob), [&](int job, int) {
    const int64_t begin = job * kValuesPerJob;
    Run(from + begin, std::min(kValuesPerJob, count - begin), to + begin);
  });
}

}  // namespace ubp
