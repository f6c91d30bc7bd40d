// SPDX-License-Identifier: Apache-2.0
// Kernels with a fault planted into them, which Oclgrind has to find: oclgrind_test.sh runs one after
// the other and reads its log.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "delegate/opencl/kernels/kernel_table.h"
#include "delegate/opencl/kernels/sparse_weights.h"
#include "tests/cpp/opencl/kernels/kernel_tester.h"

namespace ubp::opencl {
namespace {

// The kernel of means without its barriers: items read what others may not have written yet.
TEST(PlantedFaults, Race) {
  KernelTester tester;
  std::string source;
  for (const KernelFamily& family : KernelFamilies()) {
    if (std::string(family.file) == "mean") source = family.source;
  }
  const std::string barrier = "barrier(CLK_LOCAL_MEM_FENCE);";
  const size_t at = source.find(barrier);
  ASSERT_NE(at, std::string::npos);
  source.erase(at, barrier.size());
  HostTensor in = tester.Random({1, 16, 16, 1});
  HostTensor out({1, 1, 1, 1});
  const DeviceTensor input = tester.Upload(&in);
  const DeviceTensor output = tester.Upload(&out);
  MeanCall call;
  call.input = input;
  call.output = output;
  // Arguments and sizes are those of the kernel as it is.
  const auto make = [&](Context* context, Precision precision, const MeanCall& mean,
                        Launch* launch) {
    UBP_RETURN_IF_ERROR(MakeMean(context, precision, mean, launch));
    Kernel kernel;
    UBP_RETURN_IF_ERROR(context->MakeKernel({source, "mean", "-cl-std=CL1.2"}, &kernel));
    const Planes planes[] = {mean.input.planes, mean.output.planes};
    UBP_RETURN_IF_ERROR(kernel.SetArg(0, *mean.input.memory));
    UBP_RETURN_IF_ERROR(kernel.SetArg(1, *mean.output.memory));
    UBP_RETURN_IF_ERROR(kernel.SetArg(2, planes[0]));
    UBP_RETURN_IF_ERROR(kernel.SetArg(3, planes[1]));
    launch->kernel = std::move(kernel);
    return Status::Ok();
  };
  EXPECT_TRUE(tester.Run(make, call));
}

// A block whose lane lies behind the input.
TEST(PlantedFaults, InvalidRead) {
  KernelTester tester;
  HostTensor in = tester.Random({1, 4, 4, 2});
  HostTensor out({1, 4, 4, 4});
  SparseConvolutionCall call;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  const std::vector<int32_t> first = {0, 1, 1, 1, 1};
  call.first = tester.Upload(first);
  call.offsets = tester.Upload(std::vector<int32_t>{static_cast<int32_t>(in.memory.size())});
  call.values = tester.Upload(std::vector<float>(4, 1.0f));
  call.bias = tester.Upload(std::vector<float>(4 + 8));
  call.ranges = tester.Upload(CutRanges(first, 4, 1));
  EXPECT_TRUE(tester.Run(MakeSparseConvolution, call));
}

}  // namespace
}  // namespace ubp::opencl
