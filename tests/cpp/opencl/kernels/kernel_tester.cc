// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/opencl/kernels/kernel_tester.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "delegate/format/half.h"
#include "tests/cpp/opencl/pocl.h"

namespace ubp::opencl {
namespace {

uint16_t HalfOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  if (std::isnan(value)) return sign | 0x7e00;
  const float magnitude = std::abs(value);
  if (magnitude == 0.0f) return sign;
  if (magnitude >= 65520.0f) return sign | 0x7c00;
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude < 2^exponent
  const int unit = std::max(exponent - 11, -24);
  const auto steps = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, -unit)));
  // As many steps as make the next power of two carry into the exponent.
  const int field = unit == -24 ? 0 : exponent + 14 - 1;
  return static_cast<uint16_t>(sign | ((field << 10) + steps));
}

}  // namespace

float RoundToHalf(float value) { return WidenFloat16(HalfOf(value)); }

HostTensor::HostTensor(const Shape& shape, int halo, float around) : shape(shape) {
  planes.width = shape.width;
  planes.height = shape.height;
  planes.channels = shape.channels;
  planes.batch = shape.batch;
  planes.row = shape.width + 2 * halo + 1;
  planes.plane = (shape.height + 2 * halo) * planes.row + 3;
  planes.image = shape.channels * planes.plane + 7;
  planes.origin = 5 + halo * planes.row + halo;
  memory.assign(planes.origin + int64_t{shape.batch} * planes.image + 64, around);
}

float& HostTensor::At(int b, int y, int x, int c) {
  return memory[planes.origin + b * planes.image + c * planes.plane + y * planes.row + x];
}

float HostTensor::At(int b, int y, int x, int c) const {
  return const_cast<HostTensor*>(this)->At(b, y, x, c);
}

double HostTensor::Padded(int b, int y, int x, int c) const {
  if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) return 0.0;
  return At(b, y, x, c);
}

void HostTensor::ForEach(const std::function<void(int, int, int, int)>& visit) const {
  for (int b = 0; b < shape.batch; ++b) {
    for (int c = 0; c < shape.channels; ++c) {
      for (int y = 0; y < shape.height; ++y) {
        for (int x = 0; x < shape.width; ++x) visit(b, y, x, c);
      }
    }
  }
}

void HostTensor::FillRandom(std::mt19937* random) {
  std::uniform_real_distribution<float> values(-2.0f, 2.0f);
  ForEach([&](int b, int y, int x, int c) { At(b, y, x, c) = values(*random); });
}

KernelTester::KernelTester(Precision precision) : context_(PoclContext()), precision_(precision) {
  const Status status = Queue::Make(context_, {false, 120.0}, &queue_);
  EXPECT_TRUE(status.ok()) << status.message();
}

const Buffer* KernelTester::MakeBuffer(const void* data, size_t bytes) {
  buffers_.emplace_back();
  Status status = context_->MakeBuffer(bytes, BufferUse::kDevice, &buffers_.back());
  if (status.ok()) status = queue_->Write(buffers_.back(), 0, data, bytes);
  EXPECT_TRUE(status.ok()) << status.message();
  return &buffers_.back();
}

DeviceTensor KernelTester::Upload(HostTensor* tensor) {
  if (precision_ == Precision::kFp32) {
    return {MakeBuffer(tensor->memory.data(), tensor->memory.size() * sizeof(float)),
            tensor->planes};
  }
  std::vector<uint16_t> halves;
  for (float& value : tensor->memory) {
    value = RoundToHalf(value);
    halves.push_back(HalfOf(value));
  }
  return {MakeBuffer(halves.data(), halves.size() * sizeof(uint16_t)), tensor->planes};
}

const Buffer* KernelTester::UploadImage(const std::vector<float>& values) {
  return MakeBuffer(values.data(), values.size() * sizeof(float));
}

void KernelTester::Read(const Buffer& buffer, std::vector<char>* bytes) {
  void* data = nullptr;
  Status status = queue_->Map(buffer, MapUse::kRead, &data);
  ASSERT_TRUE(status.ok()) << status.message();
  bytes->assign(static_cast<const char*>(data), static_cast<const char*>(data) + buffer.bytes());
  status = queue_->Unmap(buffer, data);
  ASSERT_TRUE(status.ok()) << status.message();
}

void KernelTester::Download(const DeviceTensor& tensor, HostTensor* to) {
  std::vector<char> bytes;
  Read(*tensor.memory, &bytes);
  if (precision_ == Precision::kFp32) {
    ASSERT_EQ(bytes.size(), to->memory.size() * sizeof(float));
    std::memcpy(to->memory.data(), bytes.data(), bytes.size());
    return;
  }
  std::vector<uint16_t> halves(to->memory.size());
  ASSERT_EQ(bytes.size(), halves.size() * sizeof(uint16_t));
  std::memcpy(halves.data(), bytes.data(), bytes.size());
  std::transform(halves.begin(), halves.end(), to->memory.begin(), WidenFloat16);
}

std::vector<float> KernelTester::DownloadImage(const Buffer& buffer) {
  std::vector<char> bytes;
  Read(buffer, &bytes);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

HostTensor KernelTester::Random(const Shape& shape, int halo, float around) {
  HostTensor tensor(shape, halo, around);
  tensor.FillRandom(&random_);
  if (precision_ != Precision::kFp32) {
    for (float& value : tensor.memory) value = RoundToHalf(value);
  }
  return tensor;
}

std::vector<float> KernelTester::RandomValues(size_t count) {
  std::uniform_real_distribution<float> values(-1.0f, 1.0f);
  std::vector<float> result(count);
  std::generate(result.begin(), result.end(), [&] { return values(random_); });
  return result;
}

void KernelTester::Check(const DeviceTensor& output, const HostTensor& as_made,
                         const Expected& expected, double tolerance) {
  HostTensor got = as_made;
  Download(output, &got);
  if (precision_ != Precision::kFp32) tolerance = std::max(tolerance, 1e-3);
  double range = 1.0;
  got.ForEach([&](int b, int y, int x, int c) {
    const double value = expected(b, y, x, c);
    if (std::isfinite(value) && std::abs(value) < 1e30) range = std::max(range, std::abs(value));
  });
  int wrong = 0;
  got.ForEach([&](int b, int y, int x, int c) {
    const double want = expected(b, y, x, c);
    const double have = got.At(b, y, x, c);
    got.At(b, y, x, c) = as_made.At(b, y, x, c);
    const bool same = std::isnan(want) ? std::isnan(have)
                      : std::isinf(want)
                          ? have == want
                          : std::abs(have - want) <= tolerance * std::max(range, std::abs(want));
    if (!same && ++wrong <= 3) {
      ADD_FAILURE() << "image " << b << " channel " << c << " pixel " << y << ", " << x << " is "
                    << have << ", expected " << want;
    }
  });
  EXPECT_EQ(wrong, 0) << "elements are wrong";
  EXPECT_EQ(
      0, std::memcmp(got.memory.data(), as_made.memory.data(), got.memory.size() * sizeof(float)))
      << "something beside the pixels was written";
}

}  // namespace ubp::opencl
