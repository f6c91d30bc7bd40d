// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_planes.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace ubp {
namespace {

typedef uint32_t Quad4 __attribute__((vector_size(16)));

// Quads are taken a cache line of a pixel at a time, which is then touched once.
constexpr int kQuadsPerLine = 16;

uint32_t FlipOf(uint8_t flip) { return 0x01010101u * flip; }

Quad4 Load(const uint8_t* p) {
  Quad4 v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

void Store(const Quad4& v, uint8_t* p) { std::memcpy(p, &v, sizeof(v)); }

// A matrix of quads: rows `stride` bytes apart.
template <class Byte>
struct Quads {
  Byte* data;
  ptrdiff_t stride;

  Byte* at(int row, int column) const { return data + row * stride + ptrdiff_t{kQuad} * column; }
};

// 4 rows and columns of `from` to columns and rows of `to`.
void TransposeFour(const Quads<const uint8_t>& from, const Quads<uint8_t>& to, int row, int column,
                   uint32_t flip) {
  const Quad4 a = Load(from.at(row, column)) ^ flip;
  const Quad4 b = Load(from.at(row + 1, column)) ^ flip;
  const Quad4 c = Load(from.at(row + 2, column)) ^ flip;
  const Quad4 d = Load(from.at(row + 3, column)) ^ flip;
  const Quad4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Quad4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Quad4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  Store(__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), to.at(column, row));
  Store(__builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7), to.at(column + 1, row));
  Store(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), to.at(column + 2, row));
  Store(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7), to.at(column + 3, row));
}

void MoveQuad(const uint8_t* from, uint8_t* to, uint32_t flip) {
  uint32_t quad;
  std::memcpy(&quad, from, sizeof(quad));
  quad ^= flip;
  std::memcpy(to, &quad, sizeof(quad));
}

// to[c][r] = from[r][c] ^ flip, for some columns.
void TransposeColumns(const Quads<const uint8_t>& from, int rows, int begin, int end,
                      const Quads<uint8_t>& to, uint32_t flip) {
  const int whole_rows = rows / 4 * 4;
  const int whole_end = begin + (end - begin) / 4 * 4;
  for (int r = 0; r < whole_rows; r += 4) {
    for (int c = begin; c < whole_end; c += 4) TransposeFour(from, to, r, c, flip);
  }
  for (int r = 0; r < rows; ++r) {
    const int first = r < whole_rows ? whole_end : begin;
    for (int c = first; c < end; ++c) MoveQuad(from.at(r, c), to.at(c, r), flip);
  }
}

void Transpose(const Quads<const uint8_t>& from, int rows, int columns, const Quads<uint8_t>& to,
               uint32_t flip) {
  for (int c = 0; c < columns; c += kQuadsPerLine) {
    TransposeColumns(from, rows, c, std::min(columns, c + kQuadsPerLine), to, flip);
  }
}

// The `channels` < 4 channels of a last quad: of `count` elements, so many bytes apart.
void MoveBytes(const uint8_t* from, ptrdiff_t from_stride, int count, int channels, uint8_t* to,
               ptrdiff_t to_stride, uint8_t flip) {
  for (int i = 0; i < count; ++i, from += from_stride, to += to_stride) {
    for (int c = 0; c < channels; ++c) to[c] = from[c] ^ flip;
  }
}

// The same from a row of pixels, `channels` apart, to the quads of a plane. Pixels are taken by whole
// quads as far as the row has bytes: what belongs to no channel of the quad may have any value.
void MoveLastQuads(const uint8_t* from, int channels, int count, uint8_t* to, uint8_t flip) {
  const int last = channels % kQuad;
  if (last == 0) return;
  const int64_t bytes = int64_t{count - 1} * channels + last;
  int i = 0;
  for (; int64_t{i} * channels + kQuad <= bytes; ++i) {
    MoveQuad(from + int64_t{i} * channels, to + kQuad * i, FlipOf(flip));
  }
  MoveBytes(from + int64_t{i} * channels, channels, count - i, last, to + kQuad * i, kQuad, flip);
}

// Calls function(first byte of a row of the image, first byte of its quad 0 in the planes).
template <class Function>
void ForEachRow(const PlaneTensor& tensor, ThreadPool* pool, const Function& function) {
  const PlaneGeometry& geometry = tensor.geometry;
  const int64_t planes = geometry.plane_stride * QuadsOf(tensor.channels);
  pool->Run(tensor.batch * geometry.height, [&](int row, int) {
    const int64_t first = row / geometry.height * planes + geometry.lead +
                          row % geometry.height * int64_t{geometry.pitch};
    function(int64_t{row} * geometry.width * tensor.channels, kQuad * first);
  });
}

}  // namespace

void ImageToQuads(const PlaneTensor& tensor, uint8_t flip, const int8_t* image, float* planes,
                  ThreadPool* pool) {
  const int whole = tensor.channels / kQuad;
  const ptrdiff_t plane = kQuad * tensor.geometry.plane_stride;
  const int width = tensor.geometry.width;
  ForEachRow(tensor, pool, [&](int64_t in_image, int64_t in_planes) {
    const auto* const from = reinterpret_cast<const uint8_t*>(image) + in_image;
    auto* const to = reinterpret_cast<uint8_t*>(planes) + in_planes;
    Transpose({from, tensor.channels}, width, whole, {to, plane}, FlipOf(flip));
    MoveLastQuads(from + kQuad * whole, tensor.channels, width, to + whole * plane, flip);
  });
}

void QuadsToImage(const PlaneTensor& tensor, uint8_t flip, const float* planes, int8_t* image,
                  ThreadPool* pool) {
  const int whole = tensor.channels / kQuad;
  const ptrdiff_t plane = kQuad * tensor.geometry.plane_stride;
  const int width = tensor.geometry.width;
  ForEachRow(tensor, pool, [&](int64_t in_image, int64_t in_planes) {
    const auto* const from = reinterpret_cast<const uint8_t*>(planes) + in_planes;
    auto* const to = reinterpret_cast<uint8_t*>(image) + in_image;
    Transpose({from, plane}, whole, width, {to, tensor.channels}, FlipOf(flip));
    MoveBytes(from + whole * plane, kQuad, width, tensor.channels % kQuad, to + kQuad * whole,
              tensor.channels, flip);
  });
}

}  // namespace ubp
