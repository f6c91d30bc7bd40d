// Memory for int32 arrays of kernels: aligned, not initialised.
#ifndef UBP_SELECTION_NATIVE_BUFFER_H_
#define UBP_SELECTION_NATIVE_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "python/ubp/selection/native/kernels.h"

namespace ubp {
namespace selection {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t elements)
      : data_(static_cast<int32_t*>(
            ::operator new(elements * sizeof(int32_t), std::align_val_t(kAlignment)))) {}

  int32_t* data() const { return data_.get(); }

 private:
  struct Delete {
    void operator()(int32_t* data) const { ::operator delete(data, std::align_val_t(kAlignment)); }
  };

  std::unique_ptr<int32_t, Delete> data_;
};

}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_BUFFER_H_
