// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/operators/quad_elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ubp {
namespace {

// Of the larger multiplier of a sum: 2^20 .. 2^21.
constexpr int kMultiplierBits = 20;
// Elements that are worth handing to a thread.
constexpr int64_t kElementsPerJob = 16384;

bool IsSum(QuadFunction function) { return function != QuadFunction::kMultiply; }

}  // namespace

QuadSum MakeQuadSum(QuadFunction function, const QuadOperands& o, const Int8Kernels& kernels) {
  const float a = o.a.scale / o.output.scale;
  const float b = o.b.scale / o.output.scale;
  QuadSum add;
  add.shift = kMultiplierBits - std::ilogb(std::max(a, b));
  add.a_multiplier = static_cast<int32_t>(std::lrint(std::ldexp(a, add.shift)));
  add.b_multiplier = static_cast<int32_t>(std::lrint(std::ldexp(b, add.shift)));
  if (function == QuadFunction::kSubtract) add.b_multiplier = -add.b_multiplier;
  if (function == QuadFunction::kReverseSubtract) add.a_multiplier = -add.a_multiplier;
  add.bias = (1 << (add.shift - 1)) - add.a_multiplier * StoredValue(o.a.zero_point, kernels) -
             add.b_multiplier * StoredValue(o.b.zero_point, kernels);
  return add;
}

ProductScale MakeProductScale(float scale) {
  constexpr int kFactorBits = 31;
  ProductScale product_scale{scale, 0, 0, 0};
  int exponent = 0;
  const float fraction = std::frexp(scale, &exponent);  // 0.5 .. 1: exact with 24 bits
  product_scale.factor = static_cast<int32_t>(std::ldexp(fraction, kFactorBits));
  product_scale.right = std::max(-exponent, 1);
  product_scale.left = product_scale.right + exponent;
  return product_scale;
}

int64_t ScaledProduct(int64_t product, const ProductScale& scale) {
  if (!kFixedPointProducts) return std::llrint(static_cast<float>(product) * scale.scale);
  const int64_t raised = product * (int64_t{1} << scale.left) * scale.factor >> 31;
  return (raised + (int64_t{1} << (scale.right - 1))) >> scale.right;
}

Requantization RequantizationOf(const QuadOperands& operands, const Int8Kernels& kernels) {
  QuadConvLayout layout;
  layout.output_zero_point = operands.output.zero_point;
  layout.min = operands.min;
  layout.max = operands.max;
  return StoredRequantization(layout, {}, kernels);
}

QuadElementwise::QuadElementwise(QuadFunction function, const QuadOperands& operands,
                                 const PlaneGeometry& a, const PlaneGeometry& b,
                                 const PlaneGeometry& output, int batch, int channels,
                                 const Int8Kernels& kernels)
    : batch_(batch), channels_(channels), kernels_(kernels), output_(output) {
  SetFunction(function, operands);
  SetRows(a, b, output);
}

QuadElementwise::QuadElementwise(QuadFunction function, const QuadOperands& operands,
                                 const PlaneGeometry& a, int vector_batch,
                                 const PlaneGeometry& output, int batch, int channels,
                                 const Int8Kernels& kernels)
    : batch_(batch),
      channels_(channels),
      vector_batch_(vector_batch),
      kernels_(kernels),
      output_(output) {
  SetFunction(function, operands);
  SetRows(a, a, output);
  args_.b_is_pixel = true;
  args_.b_plane = kQuad;
}

void QuadElementwise::SetFunction(QuadFunction function, const QuadOperands& o) {
  args_.requantization = RequantizationOf(o, kernels_);
  args_.junk = StoredQuad(o.output.zero_point, kernels_);
  if (IsSum(function)) {
    kernel_ = kernels_.add;
    args_.sum = MakeQuadSum(function, o, kernels_);
  } else {
    kernel_ = kernels_.multiply;
    args_.multiply = {StoredValue(o.a.zero_point, kernels_), StoredValue(o.b.zero_point, kernels_),
                      MakeProductScale(o.a.scale * o.b.scale / o.output.scale)};
  }
}

void QuadElementwise::SetRows(const PlaneGeometry& a, const PlaneGeometry& b,
                              const PlaneGeometry& output) {
  const bool is_flat = a.pitch == output.pitch && b.pitch == output.pitch;
  const int pixels = is_flat ? output.flat_pixels() : output.width;
  args_.rows = is_flat ? 1 : output.height;
  args_.vectors = (pixels + kernels_.vector_width - 1) / kernels_.vector_width;
  args_.a_pitch = int64_t{kQuad} * a.pitch;
  args_.b_pitch = int64_t{kQuad} * b.pitch;
  args_.output_pitch = int64_t{kQuad} * output.pitch;
  args_.a_plane = kQuad * a.plane_stride;
  args_.b_plane = kQuad * b.plane_stride;
  args_.output_plane = kQuad * output.plane_stride;
  args_.mask = output_.mask->data();
  a_lead_ = a.lead;
  b_lead_ = b.lead;
  planes_per_job_ =
      static_cast<int>(std::max<int64_t>(1, kElementsPerJob / std::max(1, output.flat_pixels())));
}

size_t QuadElementwise::scratch_floats() const {
  return static_cast<size_t>(vector_batch_) * QuadsOf(channels_);
}

void QuadElementwise::Run(const float* a, const float* b, float* output, ThreadPool* pool) const {
  QuadBinaryArgs whole = args_;
  whole.a = reinterpret_cast<const uint8_t*>(a + a_lead_);
  whole.b = reinterpret_cast<const uint8_t*>(b + b_lead_);
  whole.output = reinterpret_cast<uint8_t*>(output + output_.lead);
  RunPlanes(whole, int64_t{batch_} * QuadsOf(channels_), pool);
}

void QuadElementwise::RunVector(const float* a, const int8_t* b, float* output, float* scratch,
                                ThreadPool* pool) const {
  auto* const stored = reinterpret_cast<uint8_t*>(scratch);
  std::memset(stored, 0, scratch_floats() * kQuad);
  for (int i = 0; i < vector_batch_; ++i) {
    for (int c = 0; c < channels_; ++c) {
      const auto value = static_cast<uint8_t>(b[int64_t{i} * channels_ + c]);
      stored[int64_t{i} * kQuad * QuadsOf(channels_) + c] = value ^ kernels_.flip;
    }
  }
  QuadBinaryArgs whole = args_;
  whole.a = reinterpret_cast<const uint8_t*>(a + a_lead_);
  whole.b = stored;
  whole.output = reinterpret_cast<uint8_t*>(output + output_.lead);
  RunPlanes(whole, int64_t{vector_batch_} * QuadsOf(channels_), pool);
}

// The planes of all images, some to a job, of one image each. b has `b_planes`.
void QuadElementwise::RunPlanes(const QuadBinaryArgs& whole, int64_t b_planes,
                                ThreadPool* pool) const {
  const int quads = QuadsOf(channels_);
  const int jobs = (quads + planes_per_job_ - 1) / planes_per_job_;
  pool->Run(batch_ * jobs, [&](int job, int) {
    const int begin = job % jobs * planes_per_job_;
    const int64_t plane = int64_t{job / jobs} * quads + begin;
    QuadBinaryArgs args = whole;
    args.a += plane * args.a_plane;
    args.b += plane % b_planes * args.b_plane;
    args.output += plane * args.output_plane;
    args.quads = std::min(quads - begin, planes_per_job_);
    kernel_(args);
  });
}

}  // namespace ubp
