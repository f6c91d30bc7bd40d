// SPDX-License-Identifier: Apache-2.0
// The times of a plan's steps, and the file that they are written to.

#include "delegate/tflite/profile.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "delegate/cpu/plan/plan.h"
#include "delegate/rewrite/lower_transpose_conv.h"
#include "delegate/tflite/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/child.h"
#include "tests/cpp/temporary_directory.h"
#include "tests/cpp/test_graph.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The profile of `runs` runs of a graph with one output, which is its last tensor.
std::vector<StepProfile> ProfileOf(const TestGraph& test, const PlanRules& rules, int threads,
                                   int runs) {
  PlanOptions options{&BestInstructionSet(), threads, rules, true};
  std::vector<Dims> dims = test.InputDims();
  std::unique_ptr<Plan> plan;
  PackedWeights weights;
  const Status status = Plan::Make(test.graph(), options, &weights, &dims, &plan);
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<float> input(Elements(dims.front()));
  std::vector<float> output(Elements(dims.back()));
  std::vector<void*> memory(dims.size(), nullptr);
  memory.front() = input.data();
  memory.back() = output.data();
  ThreadPool pool(threads);
  for (int run = 0; run < runs; ++run) plan->Run(memory, &pool);
  return plan->profile();
}

// Of the ops of each step that is no conversion.
std::vector<std::vector<int>> NodesOf(const std::vector<StepProfile>& steps) {
  std::vector<std::vector<int>> nodes;
  for (const StepProfile& step : steps) {
    if (step.is_conversion) continue;
    nodes.emplace_back();
    for (const ProfiledOp& op : step.ops) nodes.back().push_back(op.node);
  }
  return nodes;
}

class ProfileTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Threads, ProfileTest, testing::Values(1, 3));

TEST_P(ProfileTest, EveryStepIsTimedOnceInEveryRun) {
  TestGraph test({2, 12, 9, 8});
  int x = test.Convolve(0, 16, 3, 1, Padding::kSame, true, Activation::kRelu);
  x = test.Depthwise(x, 3, 2, Padding::kSame);
  x = test.Convolve(x, 24, 1, 1, Padding::kSame, true);
  test.MarkOutput(test.Dense(test.Mean(x, false), 7, true));
  const std::vector<StepProfile> steps = ProfileOf(test, PlanRules(), GetParam(), 4);
  EXPECT_THAT(NodesOf(steps), ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2),
                                          ElementsAre(3), ElementsAre(4)));
  int64_t multiply_adds = 0;
  for (const StepProfile& step : steps) {
    EXPECT_EQ(step.runs, 4);
    EXPECT_GE(step.least_ns, 0);
    EXPECT_GE(step.total_ns, 4 * step.least_ns);
    multiply_adds += step.multiply_adds;
  }
  const int64_t large = 2 * 12 * 9;
  const int64_t small = 2 * 6 * 5;
  EXPECT_EQ(multiply_adds,
            large * 16 * 9 * 8 + small * 16 * 9 + small * 24 * 16 + int64_t{2} * 7 * 24);
}

TEST(StepProfileTest, NamesAbsorbedOps) {
  TestGraph test({1, 12, 12, 8});
  const int a = test.Convolve(0, 8, 1, 1, Padding::kSame, true);
  const int padded = test.Pad(a, {1, 1, 1, 1});
  const int b = test.Convolve(padded, 8, 3, 1, Padding::kValid, true);
  const int c = test.Depthwise(test.Sum(a, b), 3, 1, Padding::kSame, Activation::kNone);
  const int d = test.Convolve(c, 8, 1, 1, Padding::kSame, true);
  const int gate = test.Apply(Elementwise::kLogistic, d);
  const int e = test.Apply(OpType::kMul, {d, gate});
  const int f = test.WithConstant(OpType::kMul, e, 8);
  test.MarkOutput(test.WithConstant(OpType::kAdd, f, 1));
  PlanRules rules;
  EXPECT_THAT(NodesOf(ProfileOf(test, rules, 1, 1)),
              ElementsAre(ElementsAre(0), ElementsAre(1, 2, 3), ElementsAre(4),
                          ElementsAre(5, 6, 7), ElementsAre(8, 9)));
  rules.fuse_elements = 1;
  EXPECT_THAT(NodesOf(ProfileOf(test, rules, 1, 1)),
              ElementsAre(ElementsAre(0), ElementsAre(1, 2, 3), ElementsAre(4, 5, 6, 7),
                          ElementsAre(8, 9)));
}

TEST(StepProfileTest, NamesAllOpsOfAStrip) {
  TestGraph test({1, 48, 40, 8});
  int x = test.Convolve(0, 16, 1, 1, Padding::kSame, true, Activation::kRelu6);
  x = test.Depthwise(x, 3, 1, Padding::kSame);
  test.MarkOutput(test.Convolve(x, 12, 1, 1, Padding::kSame, true));
  PlanRules rules;
  rules.fuse_depthwise = false;
  rules.row_buffer_elements = 1;
  const std::vector<StepProfile> steps = ProfileOf(test, rules, 1, 1);
  EXPECT_THAT(NodesOf(steps), ElementsAre(ElementsAre(0, 1), ElementsAre(2)));
  int64_t multiply_adds = 0;
  for (const StepProfile& step : steps) multiply_adds += step.multiply_adds;
  EXPECT_EQ(multiply_adds, int64_t{48} * 40 * (16 * 8 + 16 * 9 + 12 * 16));
}

TEST(StepProfileTest, NamesANodeOnceWhateverItIsMadeOf) {
  const std::vector<float> weights(2 * 2 * 4 * 16, 0.5f);
  TransposeConv2DOp transposed;
  LayerAttributes& attributes = transposed.layer.attributes;
  attributes.in_channels = 4;
  attributes.out_channels = 16;
  attributes.kernel_h = attributes.kernel_w = 2;
  transposed.layer.dense.weights = weights.data();
  transposed.pads = {1, 0, 1, 0};
  transposed.blocks.block_h = transposed.blocks.block_w = 2;
  Graph graph;
  graph.tensors = {{Storage::kInput, 0}, {Storage::kOutput, 1}};
  GraphOp op;
  op.node = 7;
  op.inputs = {0};
  op.output = 1;
  op.details = transposed;
  graph.ops.push_back(op);
  LowerTransposeConvs(&graph);
  std::vector<Dims> dims(graph.tensors.size());
  dims[0] = {1, 5, 5, 4};
  PlanOptions options{&BestInstructionSet(), 1, PlanRules(), true};
  PackedWeights packed;
  std::unique_ptr<Plan> plan;
  ASSERT_TRUE(Plan::Make(graph, options, &packed, &dims, &plan).ok());
  EXPECT_EQ(dims[1], (Dims{1, 10, 10, 4}));
  EXPECT_THAT(NodesOf(plan->profile()), ElementsAre(ElementsAre(7), ElementsAre(7)));
}

TEST(StepProfileTest, NothingUnlessAskedFor) {
  TestGraph test({1, 4, 4, 8});
  test.MarkOutput(test.Convolve(0, 8, 1, 1, Padding::kSame, true));
  std::vector<Dims> dims = test.InputDims();
  std::unique_ptr<Plan> plan;
  PackedWeights weights;
  ASSERT_TRUE(Plan::Make(test.graph(), PlanOptions(), &weights, &dims, &plan).ok());
  EXPECT_THAT(plan->profile(), IsEmpty());
}

TEST(ProfileFileTest, HasEveryPlanThatRan) {
  const TemporaryDirectory directory;
  std::unique_ptr<Profile> profile;
  const Status made = Profile::Make(directory.File("p.json"), "portable", &profile);
  ASSERT_TRUE(made.ok()) << made.message();
  const std::string head = "{\n  \"version\": \"" UBP_VERSION "\",\n  \"kernel\": \"portable\",\n";
  EXPECT_EQ(directory.Read("p.json"), head + "  \"plans\": [\n  ]\n}\n");
  StepProfile step;
  step.ops = {{-1, "own"}, {3, "CONV_2D \"a\""}};
  step.multiply_adds = 12345;
  step.work = {{"depthwise", 1, 2, 3, 4, 5, 6, 7}, {"copy", 0, 0, 8, 9}};
  ASSERT_TRUE(profile->Add({}, 1).ok());
  ASSERT_TRUE(profile->Add({step}, 1).ok());
  EXPECT_EQ(directory.Read("p.json"), head + "  \"plans\": [\n  ]\n}\n");
  step.AddRun(2000);
  step.AddRun(1500);
  StepProfile conversion;
  conversion.is_conversion = true;
  conversion.AddRun(7);
  ASSERT_TRUE(profile->Add({step, conversion}, 2).ok());
  ASSERT_TRUE(profile->Add({conversion}, 1).ok());
  EXPECT_EQ(directory.Read("p.json"), head + R"(  "plans": [
    {"threads": 2, "steps": [
      {"operators": [{"node": null, "label": "own"}, {"node": 3, "label": "CONV_2D \"a\""}], "conversion": false, "multiply_adds": 12345, "work": [{"kind": "depthwise", "operations": 1, "weight_bytes": 2, "read_bytes": 3, "written_bytes": 4, "buffer_read_bytes": 5, "buffer_written_bytes": 6, "buffer_bytes": 7}, {"kind": "copy", "operations": 0, "weight_bytes": 0, "read_bytes": 8, "written_bytes": 9, "buffer_read_bytes": 0, "buffer_written_bytes": 0, "buffer_bytes": 0}], "runs": 2, "total_ns": 3500, "min_ns": 1500},
      {"operators": [], "conversion": true, "multiply_adds": 0, "work": [], "runs": 1, "total_ns": 7, "min_ns": 7}
    ]},
    {"threads": 1, "steps": [
      {"operators": [], "conversion": true, "multiply_adds": 0, "work": [], "runs": 1, "total_ns": 7, "min_ns": 7}
    ]}
  ]
}
)");
}

TEST(ProfileFileTest, OverwritesNothing) {
  const TemporaryDirectory directory;
  directory.Write("precious.json", "precious");
  const std::string path = directory.File("precious.json");
  std::unique_ptr<Profile> profile;
  EXPECT_EQ(Profile::Make(path, "portable", &profile).message(),
            "the profile '" + path + "' exists already; choose another name.");
  EXPECT_EQ(directory.Read("precious.json"), "precious");
}

TEST(ProfileFileTest, StaysTheParentsInAForkedChild) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("p.json");
  std::unique_ptr<Profile> profile;
  ASSERT_TRUE(Profile::Make(path, "portable", &profile).ok());
  StepProfile step;
  step.AddRun(7);
  ASSERT_TRUE(profile->Add({step}, 1).ok());
  const std::string written = directory.Read("p.json");
  EXPECT_TRUE(SucceedsInChild([&] {
    EXPECT_EQ(profile->Add({step}, 1).message(),
              "the profile '" + path +
                  "' is not written by a forked child: it is its parent's; a delegate made after "
                  "the fork can have one of its own.");
  }));
  EXPECT_EQ(directory.Read("p.json"), written);
}

TEST(ProfileFileTest, SaysWhyItCannotBeWritten) {
  const TemporaryDirectory directory;
  std::unique_ptr<Profile> profile;
  EXPECT_THAT(Profile::Make(directory.File("no") + "/p.json", "portable", &profile).message(),
              HasSubstr("cannot be written: No such file"));
}

}  // namespace
}  // namespace ubp
