// Which nodes of a model are taken together, and when the dense ones around are not worth it.

#include "delegate/graph/partition.h"

#include <string>
#include <vector>

#include "delegate/graph/builtin_params.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/fake_model.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<bool> Taken(FakeModel* model, Take take) {
  std::vector<bool> taken;
  for (const NodeDecision& decision : model->Decide(take)) {
    taken.push_back(decision.taken);
    EXPECT_EQ(decision.taken, decision.reason.empty()) << decision.reason;
  }
  return taken;
}

// Adds a dense 1x1 convolution of `input` [1, size, size, channels]; returns its output.
int AddDense(FakeModel* model, int input, int out_channels) {
  const Dims dims = model->DimsOf(input);
  const int output = model->Activation({1, dims[1], dims[2], out_channels}, "dense");
  const int weights = model->Filled({out_channels, 1, 1, dims[3]});
  model->Node(
      kTfLiteBuiltinConv2d, {input, weights, model->Filled({out_channels})}, {output},
      builtin::Conv2DParams{builtin::Padding::kSame, 1, 1, builtin::Activation::kNone, 1, 1});
  return output;
}

int AddSparse(FakeModel* model, int input, int out_channels) {
  const Dims dims = model->DimsOf(input);
  const int output = model->Activation({1, dims[1], dims[2], out_channels}, "sparse");
  model->CustomNode("UbpConv2D", {}, {input, model->Bytes({0})}, {output});
  return output;
}

// Leaves a node that nobody takes.
int AddForeign(FakeModel* model, int input) {
  const int output = model->Activation(model->DimsOf(input), "foreign");
  model->CustomNode("Foreign", {}, {input}, {output});
  return output;
}

TEST(PartitionTest, TakesCheapNeighboursOfBlockSparseLayers) {
  FakeModel model;
  int x = AddDense(&model, model.Activation({1, 28, 28, 3}), 16);
  x = AddSparse(&model, x, 64);
  x = AddForeign(&model, x);
  AddDense(&model, x, 8);
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(true, true, false, false));
  EXPECT_THAT(Taken(&model, Take::kSparse), ElementsAre(false, true, false, false));
  EXPECT_THAT(Taken(&model, Take::kAll), ElementsAre(true, true, false, true));
  const std::vector<NodeDecision> decisions = model.Decide(Take::kAuto);
  EXPECT_THAT(decisions[2].reason, HasSubstr("Foreign"));
  EXPECT_THAT(decisions[3].reason, HasSubstr("no block-sparse layer"));
}

TEST(PartitionTest, LeavesDenseNeighboursThatWouldLoseMore) {
  FakeModel model;
  int x = AddDense(&model, model.Activation({1, 28, 28, 256}), 256);
  x = AddSparse(&model, x, 64);
  AddDense(&model, x, 512);
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(false, true, false));
  EXPECT_THAT(model.Decide(Take::kAuto)[0].reason, HasSubstr("would lose more"));
}

TEST(PartitionTest, TakesNothingOfADenseModel) {
  FakeModel model;
  AddDense(&model, model.Activation({1, 28, 28, 8}), 8);
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(false));
}

TEST(PartitionTest, TakesDamagedBlockSparseNodesSoThatImportReportsThem) {
  FakeModel model;
  model.CustomNode("UbpConv2D", {}, {}, {});
  model.CustomNode("UbpFullyConnected", {}, {99}, {-1});
  EXPECT_THAT(Taken(&model, Take::kAuto), ElementsAre(true, true));
}

}  // namespace
}  // namespace ubp
