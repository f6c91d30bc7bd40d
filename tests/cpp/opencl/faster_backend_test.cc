// SPDX-License-Identifier: Apache-2.0
// The CPU or the device, whichever a measurement says, on PoCL.

#include "delegate/opencl/faster_backend.h"

#include <memory>
#include <string>
#include <vector>

#include "delegate/cpu/costs.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/pocl.h"
#include "tests/cpp/opencl/slow_backend.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_graph.h"

namespace ubp::opencl {
namespace {

using ::testing::HasSubstr;

class FasterBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    PoclContext();  // sets the environment
    graph_.MarkOutput(graph_.Convolve(0, 8, 3, 1, Padding::kSame, true));
  }

  // What runs the graph with a CPU that takes so long.
  std::string RunsOn(int milliseconds, bool tune, const std::string& directory,
                     const std::string& device = "") {
    FasterOptions options;
    options.device.device = device;
    options.device.cache_directory = directory;
    options.device.tune = tune;
    options.device.xnnpack = &CpuCosts();
    options.tell = [this](const std::string& sentence, bool is_warning) {
      (is_warning ? warnings_ : told_).push_back(sentence);
    };
    const std::shared_ptr<const Backend> backend =
        MakeFasterBackend(std::make_shared<SlowBackend>(milliseconds), options);
    const std::unique_ptr<PackedGraph> packed = backend->Pack(graph_.graph());
    std::string name;
    for (int program = 0; program < 2; ++program) {  // the second, as after a resize
      std::vector<Dims> dims = graph_.InputDims();
      std::unique_ptr<Program> made;
      CompileOptions compile;
      compile.pool = std::make_shared<ThreadPool>(1);
      const Status status = packed->Compile(compile, &dims, &made);
      EXPECT_TRUE(status.ok()) << status.message();
      if (!status.ok()) return "";
      EXPECT_EQ(dims[1], graph_.dims(1));
      EXPECT_TRUE(program == 0 || made->name() == name);
      name = made->name();
    }
    const std::vector<float> input = graph_.RandomInput();
    ExpectClose(graph_.Run(packed.get(), input), graph_.Expected(input));
    return name;
  }

  TestGraph graph_ = TestGraph({1, 8, 8, 4});
  TemporaryDirectory directory_;
  std::vector<std::string> warnings_;
  std::vector<std::string> told_;
};

constexpr int kSlow = 500;  // far above what PoCL takes, on any machine

// Neither measured nor warned of.
TEST_F(FasterBackendTest, StaysOnTheCpuWithWhatNoDeviceRuns) {
  graph_.MarkOutput(graph_.LayerNorm(1, true));
  EXPECT_EQ(RunsOn(kSlow, true, directory_.File("gpu")), "cpu");
  EXPECT_THAT(warnings_, testing::IsEmpty());
  EXPECT_THAT(told_, testing::IsEmpty());
}

TEST_F(FasterBackendTest, StaysOnTheCpuWithoutAMeasurement) {
  EXPECT_EQ(RunsOn(0, false, directory_.File("gpu")), "cpu");
  EXPECT_EQ(RunsOn(0, true, ""), "cpu");  // nowhere to keep it
  EXPECT_TRUE(told_.empty() && warnings_.empty());
}

TEST_F(FasterBackendTest, AMeasurementDecidesAndIsKept) {
  EXPECT_EQ(RunsOn(0, true, directory_.File("gpu")), "cpu");
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_THAT(told_[0], HasSubstr("it uses the CPU"));
  EXPECT_EQ(RunsOn(0, true, directory_.File("gpu")), "cpu");
  EXPECT_EQ(told_.size(), 1u) << "it was measured again";
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(FasterBackendTest, ADeviceThatWonRuns) {
  const std::string device = PoclContext()->device().name;
  EXPECT_EQ(RunsOn(kSlow, true, directory_.File("gpu")), device);
  EXPECT_EQ(RunsOn(0, false, directory_.File("gpu")), device) << "the record says so";
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_THAT(told_[0], HasSubstr("it uses the device"));
}

TEST_F(FasterBackendTest, ADeviceThatIsNotThereIsToldOnce) {
  EXPECT_EQ(RunsOn(0, true, directory_.File("gpu"), "no such device"), "cpu");
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_THAT(warnings_[0], HasSubstr("backend=auto uses the CPU: "));
}

}  // namespace
}  // namespace ubp::opencl
