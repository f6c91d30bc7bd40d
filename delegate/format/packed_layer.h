// SPDX-License-Identifier: Apache-2.0
// A checked view of one layer's packed block-sparse weights.
//
// docs/packed-format.md defines the bytes. Check() reads a buffer once, from front to back, and
// refuses it at the first violation; a PackedLayer that exists is safe to decode and to run, whatever
// becomes of the bytes.
#ifndef UBP_DELEGATE_FORMAT_PACKED_LAYER_H_
#define UBP_DELEGATE_FORMAT_PACKED_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/base/status.h"
#include "delegate/format/attributes.h"

namespace ubp {

// A layer's bias where it lies in the model, [out_channels] of one type; made of nullptr where there is
// none. Does not own it.
class LayerBias {
 public:
  LayerBias(std::nullptr_t) {}
  LayerBias(const float* values) : floats_(values) {}
  LayerBias(const int32_t* values) : integers_(values) {}

  const float* floats() const { return floats_; }
  const int32_t* integers() const { return integers_; }
  const void* data() const {
    return floats_ != nullptr ? static_cast<const void*>(floats_) : integers_;
  }

 private:
  const float* floats_ = nullptr;
  const int32_t* integers_ = nullptr;
};

// Does not own the packed buffer: it must outlive the view (a constant tensor of the model does).
class PackedLayer {
 public:
  // Checks `packed` against `attributes` and the layer's bias: float32 where the layer computes in
  // float, int32 where in int8. On an error *layer is unspecified and the message names the section.
  static Status Check(const LayerAttributes& attributes, const uint8_t* packed, size_t packed_size,
                      LayerBias bias, PackedLayer* layer);

  const LayerAttributes& attributes() const { return attributes_; }

  // Number of blocks that start at each channel, [num_starts()].
  const std::vector<int32_t>& counts() const { return counts_; }

  // The lane of each block in file order, [num_blocks]; of blocks of 4 lanes the number of the group,
  // which begins at lane 4 * number. Decoded anew at each call: it is needed
  // only to make a plan. Checked anew, too: the buffer may be a file's, and somebody may have written
  // into it since. Fails then, unless what is there can be decoded.
  Status DecodeLanes(std::vector<int32_t>* lanes) const;

  // The rotated values as float32, exactly: widened where the file holds 16 bits, multiplied by their
  // channel's scale where it holds int8. A block of 4 lanes is 4 of one lane, one after the other:
  // [num_blocks * block_lanes, block_size] and zeros behind them.
  std::vector<float> DecodeValues(size_t zeros = 0) const;

  // What an int8 layer stores, [num_blocks, block_size, block_lanes]: a weight is this number times
  // the scale of its channel.
  std::vector<int8_t> DecodeInt8Values() const;
  // [out_channels], finite and above 0; empty unless the values are int8.
  const std::vector<float>& scales() const { return scales_; }

  // The rotated values where they lie in the file, or null if they are not aligned float32. Behind
  // them the file has at least one byte more for each block.
  const float* values_in_place() const;

  // [out_channels] float32; null where there is none, or one of int32.
  const float* bias() const { return bias_.floats(); }
  // [out_channels]; null where there is none, or one of float32.
  const int32_t* int32_bias() const { return bias_.integers(); }

  // The whole buffer.
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void Dequantize(float* values) const;

  LayerAttributes attributes_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  const uint8_t* values_ = nullptr;  // first byte of the section `values`
  const uint8_t* lanes_ = nullptr;   // and of the section `lanes`
  LayerBias bias_ = nullptr;
  std::vector<float> scales_;
  std::vector<int32_t> counts_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_PACKED_LAYER_H_
