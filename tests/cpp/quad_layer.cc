// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/quad_layer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>

#include "delegate/cpu/operators/quad_planes.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

using Random = std::minstd_rand;

int Between(Random* random, int least, int most) {
  return std::uniform_int_distribution<int>(least, most)(*random);
}

void SetQuantization(Random* random, QuadLayer* layer) {
  const int lanes = layer->taps() * (layer->depthwise ? 1 : layer->shape.in_c);
  layer->input_zero_point = Between(random, -128, 127);
  layer->output_zero_point = Between(random, -128, 127);
  // As behind an activation, or not.
  if (Between(random, 0, 1) == 1) layer->min = layer->output_zero_point;
  if (Between(random, 0, 2) == 0) layer->max = Between(random, layer->output_zero_point, 127);
  for (int c = 0; c < layer->shape.out_c; ++c) {
    // Results all over the output's range, and beyond.
    layer->weight_scales.push_back(0.0004f * static_cast<float>(Between(random, 50, 200)) /
                                   std::sqrt(static_cast<float>(lanes)));
    layer->bias.push_back(Between(random, -3000, 3000));
  }
}

// Calls visit(tap, input channel, value) for what an output pixel reads within the image.
template <class Visit>
void ForEachInput(const QuadLayer& layer, int y, int x, const Visit& visit) {
  const ConvShape& s = layer.shape;
  for (int tap = 0; tap < layer.taps(); ++tap) {
    const int in_y = y * s.stride_h + tap / s.kernel_w * s.dilation_h - s.pad_top;
    const int in_x = x * s.stride_w + tap % s.kernel_w * s.dilation_w - s.pad_left;
    if (in_y < 0 || in_y >= s.in_h || in_x < 0 || in_x >= s.in_w) continue;
    visit(tap, (int64_t{in_y} * s.in_w + in_x) * s.in_c);
  }
}

int64_t SumOf(const QuadLayer& layer, const int8_t* image, int y, int x, int c) {
  const ConvShape& s = layer.shape;
  int64_t sum = layer.bias[c];
  ForEachInput(layer, y, x, [&](int tap, int64_t pixel) {
    if (layer.depthwise) {
      sum +=
          layer.weights[int64_t{tap} * s.out_c + c] * (image[pixel + c] - layer.input_zero_point);
      return;
    }
    const int8_t* const weights = &layer.weights[(int64_t{c} * layer.taps() + tap) * s.in_c];
    for (int k = 0; k < s.in_c; ++k)
      sum += weights[k] * (image[pixel + k] - layer.input_zero_point);
  });
  return sum;
}

}  // namespace

QuadQuantization QuadLayer::quantization(const Int8Kernels& kernels) const {
  return {input_scale, input_zero_point, output_scale, kernels.flip};
}

QuadWeights QuadLayer::Pack(const Int8Kernels& kernels, int block_size) const {
  QuadWeights packed;
  PackQuads(weights.data(), weight_scales.data(), bias.data(), sizes(), quantization(kernels),
            block_size, &packed);
  return packed;
}

QuadConvLayout QuadLayer::Layout(const PlaneGeometry& input, const PlaneGeometry& output) const {
  return {input, output, input_zero_point, output_zero_point, min, max, std::nullopt};
}

QuadLayer MakeQuadLayer(const ConvShape& shape, int block_size, double density, uint32_t seed) {
  QuadLayer layer;
  layer.shape = shape;
  Random random(seed);
  layer.weights.assign(int64_t{shape.out_c} * layer.taps() * shape.in_c, 0);
  std::bernoulli_distribution kept(density);
  for (int tap = 0; tap < layer.taps(); ++tap) {
    for (int first = 0; first < shape.in_c; first += kQuad) {
      for (int start = Between(&random, 0, block_size - 1); start < shape.out_c;) {
        const bool begins = kept(random);
        const int end = std::min(shape.out_c, start + (begins ? block_size : 1));
        for (int c = start; c < end; ++c) {
          for (int k = first; begins && k < std::min(shape.in_c, first + kQuad); ++k) {
            layer.weights[(int64_t{c} * layer.taps() + tap) * shape.in_c + k] =
                static_cast<int8_t>(Between(&random, -127, 127));
          }
        }
        start = end;
      }
    }
  }
  SetQuantization(&random, &layer);
  return layer;
}

QuadLayer MakeQuadDepthwise(const ConvShape& shape, uint32_t seed) {
  QuadLayer layer;
  layer.shape = shape;
  layer.depthwise = true;
  Random random(seed);
  for (int i = 0; i < layer.taps() * shape.out_c; ++i) {
    layer.weights.push_back(static_cast<int8_t>(Between(&random, -127, 127)));
  }
  SetQuantization(&random, &layer);
  return layer;
}

std::vector<int8_t> RandomImage(const ConvShape& shape, uint32_t seed) {
  std::vector<int8_t> image(int64_t{shape.batch} * shape.in_h * shape.in_w * shape.in_c);
  Random random(seed);
  for (int8_t& value : image) value = static_cast<int8_t>(Between(&random, -128, 127));
  return image;
}

std::vector<int8_t> ComputePlainly(const QuadLayer& layer, const std::vector<int8_t>& input) {
  const ConvShape& s = layer.shape;
  std::vector<int8_t> output;
  for (int b = 0; b < s.batch; ++b) {
    const int8_t* const image = input.data() + int64_t{b} * s.in_h * s.in_w * s.in_c;
    for (int pixel = 0; pixel < s.out_h * s.out_w; ++pixel) {
      for (int c = 0; c < s.out_c; ++c) {
        const int64_t sum = SumOf(layer, image, pixel / s.out_w, pixel % s.out_w, c);
        const float scale = layer.input_scale * layer.weight_scales[c] / layer.output_scale;
        const float scaled = static_cast<float>(static_cast<int32_t>(sum)) * scale;
        const double rounded = std::nearbyint(double{scaled}) + layer.output_zero_point;
        output.push_back(static_cast<int8_t>(
            std::clamp(rounded, static_cast<double>(layer.min), static_cast<double>(layer.max))));
      }
    }
  }
  return output;
}

AlignedBuffer EmptyQuads(const PlaneTensor& tensor, int zero_point, const Int8Kernels& kernels) {
  const int planes = tensor.batch * QuadsOf(tensor.channels);
  AlignedBuffer buffer(tensor.geometry.floats(planes));
  std::memset(buffer.data(), StoredValue(zero_point, kernels), buffer.bytes());
  return buffer;
}

AlignedBuffer ToQuads(const PlaneTensor& tensor, int zero_point, const Int8Kernels& kernels,
                      const std::vector<int8_t>& image) {
  AlignedBuffer buffer = EmptyQuads(tensor, zero_point, kernels);
  ThreadPool pool(2);
  ImageToQuads(tensor, kernels.flip, image.data(), buffer.data(), &pool);
  return buffer;
}

std::vector<int8_t> FromQuads(const PlaneTensor& tensor, int zero_point, const Int8Kernels& kernels,
                              const AlignedBuffer& planes) {
  const PlaneGeometry& g = tensor.geometry;
  const auto* const bytes = reinterpret_cast<const uint8_t*>(planes.data());
  const auto expected = static_cast<uint8_t>(StoredValue(zero_point, kernels));
  std::vector<int8_t> image(int64_t{tensor.batch} * g.height * g.width * tensor.channels);
  ThreadPool pool(2);
  QuadsToImage(tensor, kernels.flip, planes.data(), image.data(), &pool);
  const int64_t elements = static_cast<int64_t>(planes.bytes() / kQuad);
  const int64_t in_planes = g.plane_stride * tensor.batch * QuadsOf(tensor.channels);
  for (int64_t i = 0; i < elements; ++i) {
    const int64_t flat = i % g.plane_stride - g.lead;
    const bool is_pixel =
        i < in_planes && flat >= 0 && flat < g.flat_pixels() && flat % g.pitch < g.width;
    for (int c = 0; c < kQuad && !is_pixel; ++c) {
      if (bytes[kQuad * i + c] == expected) continue;
      ADD_FAILURE() << "element " << i << " is no pixel, and " << int{bytes[kQuad * i + c]};
      return image;
    }
  }
  return image;
}

std::vector<const Int8Kernels*> SupportedInt8Kernels() {
  std::vector<const Int8Kernels*> supported;
  for (const Int8Kernels* kernels : AllInt8Kernels()) {
    if (kernels->supported()) supported.push_back(kernels);
  }
  return supported;
}

}  // namespace ubp
