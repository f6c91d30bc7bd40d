// SPDX-License-Identifier: Apache-2.0
// What the elements of a tensor are.
#ifndef UBP_DELEGATE_GRAPH_QUANTIZATION_H_
#define UBP_DELEGATE_GRAPH_QUANTIZATION_H_

#include <cstdint>

namespace ubp {

enum class ElementType { kFloat32, kInt8 };

// Of an int8 tensor: an element q stands for scale * (q - zero_point).
struct Quantization {
  float scale = 1.0f;
  int32_t zero_point = 0;

  bool operator==(const Quantization& other) const {
    return scale == other.scale && zero_point == other.zero_point;
  }
  bool operator!=(const Quantization& other) const { return !(*this == other); }
};

struct TensorType {
  ElementType elements = ElementType::kFloat32;
  Quantization quantization;  // of an int8 tensor

  bool is_int8() const { return elements == ElementType::kInt8; }
  int element_bytes() const { return is_int8() ? 1 : 4; }
};

}  // namespace ubp

#endif  // UBP_DELEGATE_GRAPH_QUANTIZATION_H_
