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

// Does not own the packed buffer: it must outlive the view (a constant tensor of the model does).
class PackedLayer {
 public:
  // Checks `packed` against `attributes` and the layer's bias (null when absent; otherwise
  // [out_channels] float32). On an error *layer is unspecified and the message names the section.
  static Status Check(const LayerAttributes& attributes, const uint8_t* packed, size_t packed_size,
                      const float* bias, PackedLayer* layer);

  const LayerAttributes& attributes() const { return attributes_; }

  // Number of blocks that start at each channel, [num_starts()].
  const std::vector<int32_t>& counts() const { return counts_; }

  // The lane of each block in file order, [num_blocks]. Decoded anew at each call: it is needed
  // only to make a plan. Checked anew, too: the buffer may be a file's, and somebody may have written
  // into it since. Fails then, unless what is there can be decoded.
  Status DecodeLanes(std::vector<int32_t>* lanes) const;

  // The rotated values as float32, widened where the file holds 16 bits, and zeros behind them:
  // [num_blocks * block_size + zeros].
  std::vector<float> DecodeValues(size_t zeros = 0) const;

  // The rotated values where they lie in the file, or null if they are not aligned float32. Behind
  // them the file has at least one byte more for each block.
  const float* values_in_place() const;

  // [out_channels] float32, or null.
  const float* bias() const { return bias_; }

  // The whole buffer.
  const uint8_t* data() const { return values_; }
  size_t size() const { return size_; }

 private:
  LayerAttributes attributes_;
  const uint8_t* values_ = nullptr;  // first in the buffer
  size_t size_ = 0;
  const uint8_t* lanes_ = nullptr;  // first byte of the section `lanes`
  const float* bias_ = nullptr;
  std::vector<int32_t> counts_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_FORMAT_PACKED_LAYER_H_
