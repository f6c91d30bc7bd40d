// SPDX-License-Identifier: Apache-2.0
// Random block-sparse layers for tests, encoded here independently of the Python writer.
#ifndef UBP_TESTS_CPP_TEST_LAYER_H_
#define UBP_TESTS_CPP_TEST_LAYER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "delegate/cpu/operators/convolution.h"
#include "delegate/format/attributes.h"
#include "delegate/format/packed_layer.h"
#include "delegate/weights/weights.h"

namespace ubp {

struct TestBlock {
  int start;
  int lane;  // or group of block_lanes of them
};

struct TestLayer {
  LayerAttributes attributes;
  std::vector<TestBlock> blocks;  // sorted by (start, lane)
  std::vector<float> dense;       // [lanes][out_channels]
  std::vector<float> scales;      // [out_channels], of int8 values: `dense` has multiples of them
  std::vector<float> bias;        // [out_channels], or empty
  std::vector<uint8_t> packed;
  std::vector<uint8_t> options;

  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
  // Reads and checks the encoded layer; the view refers to this object.
  PackedLayer Read() const;
  // The same as a layer with packed weights, or with dense ones in `transposed`.
  LayerWeights Packed() const;
  LayerWeights Dense(std::vector<float>* transposed) const;
};

// The attributes of a 1x1 convolution.
LayerAttributes Pointwise(int in_channels, int out_channels, int block_size);

// A layer with the kernel, strides and so on of `spec`. Each place in each lane, or group of lanes,
// holds a block with probability `density`, unless it would overlap.
TestLayer MakeTestLayer(const LayerAttributes& spec, double density, bool with_bias, uint32_t seed);

// What kernels read of a layer, which can be made.
// The same, as convolutions are made from it: in the blocks of `isa`, or, if it is null, of the
// layer.
PackedLayerWeights PackedOf(const LayerWeights& layer, const InstructionSet* isa);

KernelWeights KernelWeightsOf(const LayerWeights& layer, int block_size);

// Encodes the blocks given, with the values of `layer->dense`, anew.
void Encode(TestLayer* layer);

// The attributes as the map in custom_options, by key; `Encode` is based on it.
std::map<std::string, int64_t> AttributeMap(const LayerAttributes& attributes);
std::vector<uint8_t> EncodeMap(const std::map<std::string, int64_t>& map);
// The checksum over everything but the key `checksum`.
uint32_t ChecksumOf(const std::string& op_name, const std::map<std::string, int64_t>& map,
                    const std::vector<uint8_t>& packed);

}  // namespace ubp

#endif  // UBP_TESTS_CPP_TEST_LAYER_H_
