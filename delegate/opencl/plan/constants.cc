// SPDX-License-Identifier: Apache-2.0
#include "delegate/opencl/plan/constants.h"

#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "delegate/base/aligned_buffer.h"
#include "delegate/cache/fingerprint.h"

namespace ubp::opencl {
namespace {

// What is on devices now, by device and content. Never destroyed: buffers may be freed while the process
// ends.
class Store {
 public:
  using Key = std::tuple<const Context*, uint64_t, uint64_t, size_t>;

  static Store& Get() {
    static Store* const store = new Store;
    return *store;
  }

  // Uploads while it is locked: others who need the same content wait for it.
  Status Find(Queue* queue, const void* data, size_t bytes, std::shared_ptr<const Buffer>* buffer) {
    Context* const context = queue->context();
    const Fingerprint content = FingerprintOf(data, bytes, 0);
    const std::lock_guard<std::mutex> lock(mutex_);
    std::weak_ptr<const Buffer>& held = buffers_[{context, content.low, content.high, bytes}];
    *buffer = held.lock();
    if (*buffer != nullptr) return Status::Ok();
    auto made = std::make_shared<Buffer>();
    UBP_RETURN_IF_ERROR(context->MakeBuffer(bytes, BufferUse::kDevice, made.get()));
    UBP_RETURN_IF_ERROR(queue->Write(*made, 0, data, bytes));
    *buffer = std::move(made);
    held = *buffer;
    DropExpired();
    return Status::Ok();
  }

 private:
  void DropExpired() {
    for (auto entry = buffers_.begin(); entry != buffers_.end();) {
      entry = entry->second.expired() ? buffers_.erase(entry) : std::next(entry);
    }
  }

  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const Buffer>> buffers_;
};

}  // namespace

size_t Constants::AddBytes(const void* data, size_t elements) {
  constexpr size_t kAlignment = 16;
  const size_t first = content_.size();
  content_.resize(RoundUp(first + elements, kAlignment), 0);
  if (elements > 0) std::memcpy(content_.data() + first, data, sizeof(uint32_t) * elements);
  firsts_.push_back(first);
  return firsts_.size() - 1;
}

Status Constants::Upload(Queue* queue) {
  if (content_.empty()) return Status::Ok();
  if (content_.size() > std::numeric_limits<int32_t>::max()) {
    return Status::Error("a layer has 2^31 numbers or more on the GPU: use backend=cpu.");
  }
  UBP_RETURN_IF_ERROR(
      Store::Get().Find(queue, content_.data(), sizeof(uint32_t) * content_.size(), &buffer_));
  content_ = {};
  return Status::Ok();
}

DeviceArray Constants::array(size_t number) const {
  return {buffer_.get(), static_cast<int32_t>(firsts_[number])};
}

}  // namespace ubp::opencl
