// SPDX-License-Identifier: Apache-2.0
// The CPU or the device, whichever a measurement says, on PoCL.

#include "delegate/opencl/faster_backend.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "delegate/cpu/costs.h"
#include "delegate/cpu/cpu_backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/opencl/pocl.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_graph.h"

namespace ubp::opencl {
namespace {

using ::testing::HasSubstr;

// The CPU, at a speed of its own.
class SlowProgram : public Program {
 public:
  SlowProgram(std::unique_ptr<Program> program, int milliseconds)
      : program_(std::move(program)), milliseconds_(milliseconds) {}

  Status Run(const std::vector<void*>& tensors) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds_));
    return program_->Run(tensors);
  }
  std::string name() const override { return "cpu"; }
  size_t arena_bytes() const override { return program_->arena_bytes(); }
  size_t prepared_bytes() const override { return program_->prepared_bytes(); }
  const std::vector<StepProfile>& profile() const override { return program_->profile(); }

 private:
  std::unique_ptr<Program> program_;
  int milliseconds_;
};

class SlowPackedGraph : public PackedGraph {
 public:
  SlowPackedGraph(std::unique_ptr<PackedGraph> packed, int milliseconds)
      : packed_(std::move(packed)), milliseconds_(milliseconds) {}

  Status Compile(const CompileOptions& options, std::vector<Dims>* dims,
                 std::unique_ptr<Program>* program) override {
    std::unique_ptr<Program> made;
    UBP_RETURN_IF_ERROR(packed_->Compile(options, dims, &made));
    *program = std::make_unique<SlowProgram>(std::move(made), milliseconds_);
    return Status::Ok();
  }
  size_t weight_bytes() const override { return packed_->weight_bytes(); }
  int64_t packings() const override { return packed_->packings(); }

 private:
  std::unique_ptr<PackedGraph> packed_;
  int milliseconds_;
};

class SlowBackend : public Backend {
 public:
  explicit SlowBackend(int milliseconds)
      : cpu_(MakeCpuBackend(&BestInstructionSet(), PlanRules())), milliseconds_(milliseconds) {}

  const char* name() const override { return "cpu"; }
  Status Supports(const GraphOp& op) const override { return cpu_->Supports(op); }
  const CostModel& costs() const override { return cpu_->costs(); }
  std::unique_ptr<PackedGraph> Pack(const Graph& graph) const override {
    return std::make_unique<SlowPackedGraph>(cpu_->Pack(graph), milliseconds_);
  }

 private:
  std::shared_ptr<const Backend> cpu_;
  int milliseconds_;
};

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
