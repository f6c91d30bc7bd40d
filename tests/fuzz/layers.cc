// SPDX-License-Identifier: Apache-2.0
// A packed layer: attributes that ReadAttributes() accepts, a bias, and any bytes as the packed buffer. What is accepted and refused
// is held against a decoder of this file's own, made after docs/packed-format.md; what is accepted runs.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delegate/cpu/kernels/kernels.h"
#include "delegate/cpu/plan/plan.h"
#include "delegate/format/attributes.h"
#include "delegate/format/crc32.h"
#include "delegate/format/packed_layer.h"
#include "delegate/graph/graph.h"
#include "tests/cpp/test_layer.h"
#include "tests/fuzz/fuzz.h"

namespace ubp {
namespace {

struct PackedInput {
  LayerAttributes attributes;
  std::vector<float> bias;  // empty: none
  std::vector<uint8_t> packed;

  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

// A size that is mostly small.
int TakeSize(FuzzInput* input, int small, int most) {
  const int value = input->Below(256);
  return value < 250 ? 1 + value % small : 1 + static_cast<int>(input->Take<uint32_t>() % most);
}

// False where the attributes are refused before the buffer is looked at.
bool TakePackedInput(FuzzInput* input, PackedInput* taken) {
  LayerAttributes& a = taken->attributes;
  const int right_checksums = input->Below(8);  // neither, the one that is checked first, or both
  a.kind = input->Flag() ? OpKind::kFullyConnected : OpKind::kConv2D;
  a.block_size = 1 << input->Below(5);
  const int type = input->Below(256);
  a.value_type = type < 240 ? static_cast<ValueType>(type % 3) : ValueType::kInt8;
  if (a.value_type == ValueType::kInt8) a.block_lanes = type % 2 == 0 ? 4 : 1;
  a.activation = static_cast<Activation>(input->Below(4));
  a.in_channels = TakeSize(input, 8, kMaxChannels);
  a.out_channels = TakeSize(input, 20, kMaxChannels);
  a.num_blocks = input->Take<uint16_t>();
  if (a.kind == OpKind::kConv2D) {
    for (int* size :
         {&a.kernel_h, &a.kernel_w, &a.stride_h, &a.stride_w, &a.dilation_h, &a.dilation_w}) {
      *size = TakeSize(input, 3, kMaxWindow);
    }
    a.padding = static_cast<Padding>(input->Flag());
  }
  if (input->Flag() && a.out_channels <= 64) {
    for (int c = 0; c < a.out_channels; ++c) taken->bias.push_back(input->Take<float>());
  }
  taken->packed = input->Rest();
  if (right_checksums > 1) {
    const std::vector<float>& bias = taken->bias;
    a.bias_checksum = bias.empty() ? 0 : Crc32(0, bias.data(), bias.size() * sizeof(float));
  }
  if (right_checksums > 0) {
    a.checksum = ChecksumOf(OpName(a.kind), AttributeMap(a), taken->packed);
  }
  const std::vector<uint8_t> options = EncodeMap(AttributeMap(a));
  return ReadAttributes(a.kind, options.data(), options.size(), &a).ok();
}

// The decoder that the delegate's is held against.
class Decoder {
 public:
  explicit Decoder(const PackedInput& input) : attributes_(input.attributes), bytes_(input.packed) {
    valid_ = Decode() && ChecksumsMatch(input);
  }

  bool valid() const { return valid_; }
  const std::vector<int64_t>& counts() const { return counts_; }
  const std::vector<int64_t>& lanes() const { return lanes_; }
  // Of the i-th number of the section `values`.
  double Value(size_t i) const {
    if (attributes_.value_type == ValueType::kInt8) return Int8(i) * double{Scale(ChannelOf(i))};
    const int bytes = attributes_.value_type == ValueType::kFloat32 ? 4 : 2;
    uint32_t bits = 0;
    for (int b = bytes; b-- > 0;) bits = bits << 8 | bytes_[i * bytes + b];
    if (attributes_.value_type == ValueType::kFloat16) return Float(bits, 10, 5);
    return attributes_.value_type == ValueType::kFloat32 ? Float(bits, 23, 8) : Float(bits, 7, 8);
  }

  int Int8(size_t i) const {
    const int byte = bytes_[values_at_ + i];
    return byte < 128 ? byte : byte - 256;
  }
  float Scale(int64_t channel) const {
    float scale = 0;
    std::memcpy(&scale, bytes_.data() + channel * sizeof(float), sizeof(float));
    return scale;
  }

 private:
  // The output channel of the i-th number of the section `values`.
  int64_t ChannelOf(size_t i) const {
    const auto of_block = static_cast<size_t>(attributes_.block_size * attributes_.block_lanes);
    auto block = static_cast<int64_t>(i / of_block);
    const int64_t position = static_cast<int64_t>(i % of_block) / attributes_.block_lanes;
    int64_t channel = 0;
    while (block >= counts_[channel]) block -= counts_[channel++];
    while (channel % attributes_.block_size != position) ++channel;
    return channel;
  }

  // IEEE 754 of so many bits of fraction and exponent.
  static double Float(uint32_t bits, int fraction_bits, int exponent_bits) {
    const double sign = (bits >> (fraction_bits + exponent_bits)) != 0 ? -1.0 : 1.0;
    const int most = (1 << exponent_bits) - 1;
    const int exponent = static_cast<int>(bits >> fraction_bits) & most;
    const double fraction = std::ldexp(bits & ((1u << fraction_bits) - 1), -fraction_bits);
    if (exponent == most) {
      return fraction != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
    }
    const int bias = most / 2;
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
    return sign * std::ldexp(1.0 + fraction, exponent - bias);
  }

  std::optional<int64_t> Number() {
    std::vector<uint8_t> digits;
    do {
      if (at_ == bytes_.size() || digits.size() == 5) return std::nullopt;
      digits.push_back(bytes_[at_++]);
    } while ((digits.back() & 0x80) != 0);
    if (digits.size() > 1 && digits.back() == 0) return std::nullopt;
    int64_t number = 0;
    for (size_t i = digits.size(); i-- > 0;) number = number * 128 + (digits[i] & 0x7F);
    return number < (int64_t{1} << 32) ? std::optional<int64_t>(number) : std::nullopt;
  }

  bool Decode() {
    const bool is_int8 = attributes_.value_type == ValueType::kInt8;
    if (is_int8 && !ScalesAreValid()) return false;
    values_at_ = is_int8 ? attributes_.out_channels * sizeof(float) : 0;
    const int64_t wide = attributes_.value_type == ValueType::kFloat32 ? 4 : 2;
    const int64_t values = int64_t{attributes_.num_blocks} * attributes_.block_size *
                           (is_int8 ? attributes_.block_lanes : wide);
    if (values > static_cast<int64_t>(bytes_.size() - values_at_)) return false;
    at_ = values_at_ + static_cast<size_t>(values);
    const int64_t groups = attributes_.lanes() / attributes_.block_lanes;
    int64_t sum = 0;
    for (int start = 0; start <= attributes_.out_channels - attributes_.block_size; ++start) {
      const std::optional<int64_t> count = Number();
      if (!count || *count > groups) return false;
      counts_.push_back(*count);
      sum += *count;
    }
    if (sum != attributes_.num_blocks) return false;
    for (const int64_t count : counts_) {
      for (int64_t i = 0; i < count; ++i) {
        const std::optional<int64_t> number = Number();
        if (!number) return false;
        lanes_.push_back(i == 0 ? *number : lanes_.back() + 1 + *number);
        if (lanes_.back() >= groups) return false;
      }
    }
    return at_ == bytes_.size();
  }

  bool ScalesAreValid() const {
    const int64_t channels = attributes_.out_channels;
    if (channels > static_cast<int64_t>(bytes_.size() / sizeof(float))) return false;
    for (int64_t c = 0; c < channels; ++c) {
      if (!(Scale(c) > 0.0f && Scale(c) <= std::numeric_limits<float>::max())) return false;
    }
    return true;
  }

  bool ChecksumsMatch(const PackedInput& input) const {
    const std::vector<float>& bias = input.bias;
    const uint32_t bias_crc = bias.empty() ? 0 : Crc32(0, bias.data(), bias.size() * sizeof(float));
    return attributes_.bias_checksum == bias_crc &&
           attributes_.checksum ==
               ChecksumOf(OpName(attributes_.kind), AttributeMap(attributes_), bytes_);
  }

  const LayerAttributes& attributes_;
  const std::vector<uint8_t>& bytes_;
  size_t at_ = 0;
  size_t values_at_ = 0;
  std::vector<int64_t> counts_;
  std::vector<int64_t> lanes_;
  bool valid_ = false;
};

void RequireSame(const PackedLayer& layer, const Decoder& decoder) {
  std::vector<int32_t> lanes;
  UBP_REQUIRE(layer.DecodeLanes(&lanes).ok());
  UBP_REQUIRE(
      std::equal(lanes.begin(), lanes.end(), decoder.lanes().begin(), decoder.lanes().end()));
  const std::vector<int32_t>& counts = layer.counts();
  UBP_REQUIRE(
      std::equal(counts.begin(), counts.end(), decoder.counts().begin(), decoder.counts().end()));
  constexpr size_t kZeros = 3;
  const std::vector<float> values = layer.DecodeValues(kZeros);
  const size_t n = layer.attributes().block_size;
  const size_t block_lanes = layer.attributes().block_lanes;
  const size_t count = lanes.size() * n * block_lanes;
  UBP_REQUIRE(values.size() == count + kZeros);
  for (size_t i = 0; i < count; ++i) {
    // The floats have the lanes of a block one after the other, the file the lanes of a channel.
    const size_t lane = i / n % block_lanes;
    const auto expected = static_cast<float>(
        decoder.Value(i / (n * block_lanes) * n * block_lanes + i % n * block_lanes + lane));
    UBP_REQUIRE(values[i] == expected || (std::isnan(values[i]) && std::isnan(expected)));
  }
  const std::vector<int8_t> stored = layer.DecodeInt8Values();
  const bool is_int8 = layer.attributes().value_type == ValueType::kInt8;
  UBP_REQUIRE(stored.size() == (is_int8 ? count : 0));
  for (size_t i = 0; i < stored.size(); ++i) UBP_REQUIRE(stored[i] == decoder.Int8(i));
  const std::vector<float>& scales = layer.scales();
  for (size_t c = 0; c < scales.size(); ++c) UBP_REQUIRE(scales[c] == decoder.Scale(c));
  UBP_REQUIRE(
      std::all_of(values.end() - kZeros, values.end(), [](float value) { return value == 0; }));
  if (const float* in_place = layer.values_in_place()) {
    UBP_REQUIRE(count == 0 || std::memcmp(in_place, values.data(), count * sizeof(float)) == 0);
  }
}

constexpr int kHeight = 5;
constexpr int kWidth = 7;

bool IsSmall(const LayerAttributes& a) {
  return int64_t{a.lanes()} * a.out_channels <= 4096 && (a.kernel_h - 1) * a.dilation_h <= 32 &&
         (a.kernel_w - 1) * a.dilation_w <= 32;
}

// False where the layer has no output of this input's size. `isa` null: the reference.
bool Run(const PackedInput& input, const PackedLayer& layer, const InstructionSet* isa,
         std::vector<float>* output) {
  const LayerAttributes& a = input.attributes;
  const bool is_conv = a.kind == OpKind::kConv2D;
  Graph graph;
  graph.tensors = {{Storage::kInput, 0}, {Storage::kOutput, 1}};
  graph.ops.emplace_back();
  GraphOp& op = graph.ops.back();
  op.inputs = {0};
  op.output = 1;
  LayerWeights weights;
  weights.attributes = a;
  weights.packed = layer;
  op.activation = a.activation;
  op.details = Conv2DOp{{}, weights};
  if (!is_conv) op.details = FullyConnectedOp{{}, weights};
  std::vector<Dims> dims = {Dims{kHeight, a.in_channels}, {}};
  if (is_conv) dims[0] = Dims{1, kHeight, kWidth, a.in_channels};
  PlanOptions options;
  options.isa = isa;
  std::unique_ptr<Plan> plan;
  PackedWeights packed;
  if (!Plan::Make(graph, options, &packed, &dims, &plan).ok()) return false;
  size_t outputs = 1;
  for (const int dim : dims[1]) outputs *= static_cast<size_t>(dim);
  output->assign(outputs, 0.0f);
  std::vector<float> values((is_conv ? kHeight * kWidth : kHeight) * a.in_channels);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<int>(i * 7 % 17) - 8) / 8.0f;
  ThreadPool pool(1);
  plan->Run({values.data(), output->data()}, &pool);
  return true;
}

// No sum of products differs by more, whatever its order; infinite where numbers are so large that a sum may be.
double Tolerance(const PackedInput& input, const PackedLayer& layer) {
  std::vector<float> summands = layer.DecodeValues();
  summands.insert(summands.end(), input.bias.begin(), input.bias.end());
  double largest = 1e-30;
  for (const float summand : summands) {
    if (!(std::abs(summand) < 1e30f)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(static_cast<double>(summand)));
  }
  const double terms = 1.0 + double{1} * input.attributes.num_blocks * input.attributes.block_lanes;
  return 1e-7 * terms * terms * largest;
}

// The kernels of every instruction set against the reference.
void RequireSameWhenRun(const PackedInput& input, const PackedLayer& layer) {
  std::vector<float> expected;
  const bool runs = Run(input, layer, nullptr, &expected);
  const double tolerance = Tolerance(input, layer);
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (!isa->supported()) continue;
    std::vector<float> actual;
    UBP_REQUIRE(Run(input, layer, isa, &actual) == runs);
    UBP_REQUIRE(actual.size() == expected.size());
    for (size_t i = 0; i < actual.size() && std::isfinite(tolerance); ++i) {
      UBP_REQUIRE(std::abs(static_cast<double>(actual[i]) - expected[i]) <= tolerance);
    }
  }
}

}  // namespace
}  // namespace ubp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ubp::FuzzInput input(data, size);
  ubp::PackedInput taken;
  if (!ubp::TakePackedInput(&input, &taken)) return 0;
  const ubp::Decoder decoder(taken);
  ubp::PackedLayer layer;
  const ubp::Status status = ubp::PackedLayer::Check(
      taken.attributes, taken.packed.data(), taken.packed.size(), taken.bias_or_null(), &layer);
  UBP_REQUIRE(status.ok() == decoder.valid());
  if (status.ok()) {
    ubp::RequireSame(layer, decoder);
    if (ubp::IsSmall(taken.attributes)) ubp::RequireSameWhenRun(taken, layer);
  } else {
    UBP_REQUIRE(!status.message().empty() && status.message().back() == '.');
  }
  return 0;
}
