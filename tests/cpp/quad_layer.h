// SPDX-License-Identifier: Apache-2.0
// Random int8 layers for tests, and plain loops that say what they compute.
#ifndef UBP_TESTS_CPP_QUAD_LAYER_H_
#define UBP_TESTS_CPP_QUAD_LAYER_H_

#include <cstdint>
#include <vector>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cpu/kernels/int8_kernels.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/cpu/operators/quad_layout.h"
#include "delegate/graph/conv_shape.h"
#include "delegate/weights/quad_weights.h"

namespace ubp {

// A convolution, or a depthwise one, with its tensors' quantization.
struct QuadLayer {
  ConvShape shape{};
  bool depthwise = false;
  // [out_c, taps, in_c]; of a depthwise one [taps, out_c].
  std::vector<int8_t> weights;
  std::vector<float> weight_scales;  // [out_c]
  std::vector<int32_t> bias;         // [out_c]
  float input_scale = 0.05f;
  float output_scale = 0.1f;
  int input_zero_point = 0;
  int output_zero_point = 0;
  int min = -128;
  int max = 127;

  int taps() const { return shape.kernel_h * shape.kernel_w; }
  QuadSizes sizes() const { return {shape.out_c, taps(), shape.in_c}; }
  QuadQuantization quantization(const Int8Kernels& kernels) const;
  QuadWeights Pack(const Int8Kernels& kernels, int block_size) const;
  // With the geometries that it is run in.
  QuadConvLayout Layout(const PlaneGeometry& input, const PlaneGeometry& output) const;
};

// Blocks of `block_size` channels of one group, kept with probability `density`; all else zero.
// Zero points and limits depend on the seed.
QuadLayer MakeQuadLayer(const ConvShape& shape, int block_size, double density, uint32_t seed);
QuadLayer MakeQuadDepthwise(const ConvShape& shape, uint32_t seed);

// [batch, in_h, in_w, in_c], all of -128 .. 127.
std::vector<int8_t> RandomImage(const ConvShape& shape, uint32_t seed);

// What the default interpreter computes: [batch, out_h, out_w, out_c].
std::vector<int8_t> ComputePlainly(const QuadLayer& layer, const std::vector<int8_t>& input);

// Planes of quads with `zero_point` wherever there is no pixel.
AlignedBuffer ToQuads(const PlaneTensor& tensor, int zero_point, const Int8Kernels& kernels,
                      const std::vector<int8_t>& image);
// Planes without pixels.
AlignedBuffer EmptyQuads(const PlaneTensor& tensor, int zero_point, const Int8Kernels& kernels);
// The NHWC copy; expects `zero_point` wherever there is no pixel.
std::vector<int8_t> FromQuads(const PlaneTensor& tensor, int zero_point, const Int8Kernels& kernels,
                              const AlignedBuffer& planes);

// Those that run here.
std::vector<const Int8Kernels*> SupportedInt8Kernels();

}  // namespace ubp

#endif  // UBP_TESTS_CPP_QUAD_LAYER_H_
