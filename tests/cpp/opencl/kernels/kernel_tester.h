// SPDX-License-Identifier: Apache-2.0
// What tests of kernels need: tensors in planes, on the host and the device, and a queue.
#ifndef UBP_TESTS_CPP_OPENCL_KERNELS_KERNEL_TESTER_H_
#define UBP_TESTS_CPP_OPENCL_KERNELS_KERNEL_TESTER_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "delegate/opencl/kernels/calls.h"
#include "delegate/opencl/kernels/launch.h"
#include "delegate/opencl/runtime/context.h"
#include "delegate/opencl/runtime/queue.h"

namespace ubp::opencl {

struct Shape {
  int batch = 1, height = 1, width = 1, channels = 1;
};

// Planes with `halo` zeros around them, or what `around` says, and gaps of odd sizes.
struct HostTensor {
  explicit HostTensor(const Shape& shape, int halo = 0, float around = 0.0f);

  float& At(int b, int y, int x, int c);
  float At(int b, int y, int x, int c) const;
  // The pixel, or zero outside of the image.
  double Padded(int b, int y, int x, int c) const;
  void ForEach(const std::function<void(int b, int y, int x, int c)>& visit) const;
  void FillRandom(std::mt19937* random);

  Shape shape;
  Planes planes;
  std::vector<float> memory;
};

// What a half can hold, to nearest even.
float RoundToHalf(float value);

// Expected values of an output, in double precision.
using Expected = std::function<double(int b, int y, int x, int c)>;

class KernelTester {
 public:
  explicit KernelTester(Precision precision = Precision::kFp32);

  Context* context() const { return context_; }
  Precision precision() const { return precision_; }
  std::mt19937* random() { return &random_; }

  // Memory of the device, which lives as long as the tester. Tensors are rounded on the host, too.
  DeviceTensor Upload(HostTensor* tensor);
  DeviceArray Upload(const std::vector<float>& values) { return UploadBytes(values); }
  DeviceArray Upload(const std::vector<int32_t>& values) { return UploadBytes(values); }
  const Buffer* UploadImage(const std::vector<float>& values);
  void Download(const DeviceTensor& tensor, HostTensor* to);
  std::vector<float> DownloadImage(const Buffer& buffer);

  HostTensor Random(const Shape& shape, int halo = 0, float around = 0.0f);
  std::vector<float> RandomValues(size_t count);

  // Makes and runs the launch of `call` by `make`.
  template <class Make, class Call>
  ::testing::AssertionResult Run(const Make& make, const Call& call) {
    Launch launch;
    Status status = make(context_, precision_, call, &launch);
    if (status.ok()) status = queue_->Run(launch.kernel, launch.global, launch.local);
    if (status.ok()) status = queue_->Finish();
    if (!status.ok()) return ::testing::AssertionFailure() << status.message();
    return ::testing::AssertionSuccess();
  }

  // That `output` has what is expected, within `tolerance` of its range, and kept kUntouched around
  // its pixels.
  void Check(const DeviceTensor& output, const HostTensor& as_made, const Expected& expected,
             double tolerance = 1e-5);

  static constexpr float kUntouched = 77.0f;

 private:
  template <class T>
  DeviceArray UploadBytes(const std::vector<T>& values) {
    // Neither the first element nor aligned to more than 64 bytes.
    constexpr int kFirst = 16;
    std::vector<T> shifted(kFirst, T{});
    shifted.insert(shifted.end(), values.begin(), values.end());
    return {MakeBuffer(shifted.data(), shifted.size() * sizeof(T)), kFirst};
  }
  const Buffer* MakeBuffer(const void* data, size_t bytes);
  void Read(const Buffer& buffer, std::vector<char>* bytes);

  Context* const context_;
  const Precision precision_;
  std::unique_ptr<Queue> queue_;
  std::deque<Buffer> buffers_;
  std::mt19937 random_;
};

}  // namespace ubp::opencl

#endif  // UBP_TESTS_CPP_OPENCL_KERNELS_KERNEL_TESTER_H_
