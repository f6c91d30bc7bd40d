// SPDX-License-Identifier: Apache-2.0
// The runtime on a real OpenCL: PoCL.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "delegate/opencl/runtime/context.h"
#include "delegate/opencl/runtime/queue.h"
#include "tests/cpp/opencl/pocl.h"
#include "tests/cpp/temporary_directory.h"

namespace ubp::opencl {
namespace {

constexpr char kScale[] = R"(
__kernel void scale(__global const float* in, __global float* out, float factor) {
  out[get_global_id(0)] = FACTOR * factor * in[get_global_id(0)];
}
)";

class RuntimeTest : public testing::Test {
 protected:
  std::unique_ptr<Queue> MakeQueue(bool profile = false) {
    std::unique_ptr<Queue> queue;
    QueueOptions options;
    options.profile = profile;
    const Status status = Queue::Make(context_, options, &queue);
    EXPECT_TRUE(status.ok()) << status.message();
    return queue;
  }

  Kernel MakeScale(const std::string& options = "-DFACTOR=2") {
    Kernel kernel;
    const Status status = context_->MakeKernel({kScale, "scale", options}, &kernel);
    EXPECT_TRUE(status.ok()) << status.message();
    return kernel;
  }

  Buffer MakeBuffer(size_t bytes, BufferUse use) {
    Buffer buffer;
    const Status status = context_->MakeBuffer(bytes, use, &buffer);
    EXPECT_TRUE(status.ok()) << status.message();
    return buffer;
  }

  // Runs scale on 0 .. n-1, through staging buffers.
  std::vector<float> Scale(Queue* queue, Kernel* kernel, size_t n, float factor, int slot = -1) {
    const Buffer in = MakeBuffer(n * sizeof(float), BufferUse::kUpload);
    const Buffer out = MakeBuffer(n * sizeof(float), BufferUse::kDownload);
    void* data = nullptr;
    EXPECT_TRUE(queue->Map(in, MapUse::kWrite, &data).ok());
    std::iota(static_cast<float*>(data), static_cast<float*>(data) + n, 0.0f);
    EXPECT_TRUE(queue->Unmap(in, data).ok());
    EXPECT_TRUE(kernel->SetArg(0, in).ok());
    EXPECT_TRUE(kernel->SetArg(1, out).ok());
    EXPECT_TRUE(kernel->SetArg(2, factor).ok());
    EXPECT_TRUE(queue->Run(*kernel, {n, 1, 1}, {1, 1, 1}, slot).ok());
    EXPECT_TRUE(queue->Map(out, MapUse::kRead, &data).ok());
    std::vector<float> result(static_cast<float*>(data), static_cast<float*>(data) + n);
    EXPECT_TRUE(queue->Unmap(out, data).ok());
    return result;
  }

  Context* context_ = PoclContext();
};

TEST_F(RuntimeTest, RunsAKernelThroughStagingBuffers) {
  const std::unique_ptr<Queue> queue = MakeQueue();
  Kernel kernel = MakeScale();
  EXPECT_GE(kernel.max_work_group_size(), 1u);
  const std::vector<float> result = Scale(queue.get(), &kernel, 100, 3.0f);
  for (size_t i = 0; i < result.size(); ++i) ASSERT_EQ(result[i], 6.0f * static_cast<float>(i));
  EXPECT_EQ(queue->transfers().uploads, 1);
  EXPECT_EQ(queue->transfers().downloads, 1);
  EXPECT_EQ(queue->transfers().kernels, 1);
  EXPECT_EQ(queue->transfers().writes, 0);
}

TEST_F(RuntimeTest, WritesWeightsAndZeros) {
  const std::unique_ptr<Queue> queue = MakeQueue();
  const Buffer buffer = MakeBuffer(9, BufferUse::kDevice);
  ASSERT_TRUE(queue->Fill(buffer).ok());
  ASSERT_TRUE(queue->Write(buffer, 3, "abc", 3).ok());
  void* data = nullptr;
  ASSERT_TRUE(queue->Map(buffer, MapUse::kRead, &data).ok());
  EXPECT_EQ(std::string(static_cast<char*>(data), 9), std::string("\0\0\0abc\0\0\0", 9));
  ASSERT_TRUE(queue->Unmap(buffer, data).ok());
  EXPECT_EQ(queue->transfers().writes, 1);
  EXPECT_EQ(queue->transfers().written_bytes, 3);
}

TEST_F(RuntimeTest, BuildsAProgramOnceForAllKernelsOfItsSourceAndOptions) {
  const int64_t before = context_->counters().programs_built;
  const Kernel first = MakeScale("-DFACTOR=5");
  const Kernel second = MakeScale("-DFACTOR=5");
  EXPECT_NE(first.handle(), second.handle());
  EXPECT_EQ(context_->counters().programs_built, before + 1);
  const Kernel other = MakeScale("-DFACTOR=6");
  EXPECT_EQ(context_->counters().programs_built, before + 2);
}

TEST_F(RuntimeTest, CountsTheMemoryThatItHolds) {
  const int64_t before = context_->counters().buffer_bytes;
  {
    Buffer one = MakeBuffer(1000, BufferUse::kDevice);
    const Buffer two = std::move(one);
    EXPECT_EQ(context_->counters().buffer_bytes, before + 1000);
  }
  EXPECT_EQ(context_->counters().buffer_bytes, before);
}

TEST_F(RuntimeTest, TimesKernelsBySlots) {
  const std::unique_ptr<Queue> queue = MakeQueue(true);
  Kernel kernel = MakeScale();
  Scale(queue.get(), &kernel, 1000, 1.0f, 2);
  const std::vector<int64_t> ns = queue->TakeSlotNs();
  ASSERT_EQ(ns.size(), 3u);
  EXPECT_EQ(ns[0], 0);
  EXPECT_GT(ns[2], 0);
  EXPECT_TRUE(queue->TakeSlotNs().empty());
}

TEST_F(RuntimeTest, SaysWhatIsWrongWithASource) {
  Kernel kernel;
  const Status status =
      context_->MakeKernel({"__kernel void k() { nothing(); }", "k", ""}, &kernel);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("CL_BUILD_PROGRAM_FAILURE"), std::string::npos);
  EXPECT_NE(status.message().find("nothing"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find(context_->device().name), std::string::npos);
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
  EXPECT_TRUE(context_->health().ok());
}

TEST_F(RuntimeTest, SaysWhatIsWrongWithACall) {
  Kernel kernel;
  Status status = context_->MakeKernel({kScale, "scales", "-DFACTOR=2"}, &kernel);
  EXPECT_NE(status.message().find("CL_INVALID_KERNEL_NAME"), std::string::npos);
  Kernel scale = MakeScale();
  status = scale.SetArg(7, 1.0f);
  EXPECT_NE(status.message().find("CL_INVALID_ARG_INDEX"), std::string::npos);
  EXPECT_NE(status.message().find("'scale'"), std::string::npos);
  Buffer buffer;
  status = context_->MakeBuffer(SIZE_MAX / 2, BufferUse::kDevice, &buffer);
  EXPECT_NE(status.message().find("at most"), std::string::npos);
  EXPECT_TRUE(context_->health().ok());
}

TEST_F(RuntimeTest, ThreadsHaveQueuesAndKernelsOfTheirOwn) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([this, t, &wrong] {
      const std::unique_ptr<Queue> queue = MakeQueue();
      Kernel kernel = MakeScale("-DFACTOR=" + std::to_string(7 + t % 2));
      for (int run = 0; run < 10; ++run) {
        const std::vector<float> result = Scale(queue.get(), &kernel, 50, 1.0f);
        for (size_t i = 0; i < result.size(); ++i) {
          wrong[t] += result[i] != static_cast<float>((7 + t % 2) * i);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST_F(RuntimeTest, ProgramsOfTheCacheComputeTheSame) {
  const TemporaryDirectory directory;
  // Contexts of their own, as of two processes, in one directory.
  const std::string names[2] = {directory.File("cache"), directory.File("cache/")};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Context::Get(PoclContext()->device(), {names[i]}, &context_).ok());
    Kernel kernel = MakeScale("-DFACTOR=9");
    const std::vector<float> result = Scale(MakeQueue().get(), &kernel, 33, 1.0f);
    EXPECT_EQ(result[32], 9.0f * 32.0f);
    EXPECT_EQ(context_->counters().programs_built, i == 0 ? 1 : 0);
    EXPECT_EQ(context_->counters().programs_from_cache, i == 0 ? 0 : 1);
    EXPECT_TRUE(context_->cache()->TakeWarnings().empty());
  }
}

TEST_F(RuntimeTest, ListsAndChoosesDevices) {
  std::vector<Device> devices;
  ASSERT_TRUE(ListDevices(&devices).ok());
  ASSERT_FALSE(devices.empty());
  Device device;
  ASSERT_TRUE(ChooseDevice("0", &device).ok());
  EXPECT_EQ(device.id, devices[0].id);
  ASSERT_TRUE(ChooseDevice(devices[0].name.substr(0, 5), &device).ok());
  const Status status = ChooseDevice("no such thing", &device);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find(devices[0].name), std::string::npos);
  EXPECT_GT(device.max_alloc_bytes, 0u);
  EXPECT_EQ(device.unsuitable, "");
}

}  // namespace
}  // namespace ubp::opencl
