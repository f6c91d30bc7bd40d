// Planning: tiles and ranges, shapes, memory, and whole plans over several layers.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "delegate/cpu/tiling.h"
#include "delegate/graph/memory.h"
#include "delegate/graph/plan.h"
#include "delegate/graph/shapes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

TEST(TilingTest, TilesCoverAllPixelsEvenly) {
  for (const int width : {1, 4, 16}) {
    for (const int max_vectors : {1, 3, 6}) {
      for (int pixels = 1; pixels < 400; ++pixels) {
        int next = 0, fewest = max_vectors, most = 0;
        const std::vector<Tile> tiles = DividePixels(pixels, width, max_vectors);
        for (const Tile& tile : tiles) {
          ASSERT_EQ(tile.first_pixel, next);
          ASSERT_GT(tile.pixels, (tile.vectors - 1) * width);
          ASSERT_LE(tile.pixels, tile.vectors * width);
          next += tile.pixels;
          fewest = std::min(fewest, tile.vectors);
          most = std::max(most, tile.vectors);
        }
        ASSERT_EQ(next, pixels);
        ASSERT_LE(most, max_vectors);
        ASSERT_LE(most - fewest, 1);
      }
    }
  }
}

TEST(TilingTest, RangesCoverAllChannelsWithEqualWork) {
  std::vector<int32_t> counts(64, 10);
  std::fill_n(counts.begin(), 8, 100);
  for (const int ranges : {1, 2, 3, 4}) {
    const std::vector<int> bounds = DivideChannels(counts, 4, ranges);
    ASSERT_EQ(static_cast<int>(bounds.size()), ranges + 1);
    EXPECT_EQ(bounds.front(), 0);
    EXPECT_EQ(bounds.back(), 64);
    for (int r = 0; r < ranges; ++r) {
      EXPECT_LT(bounds[r], bounds[r + 1]);
      EXPECT_EQ(bounds[r] % 4, 0);
      const int work =
          std::accumulate(counts.begin() + bounds[r], counts.begin() + bounds[r + 1], 0);
      EXPECT_NEAR(work, 1360.0 / ranges, 400.0);
    }
  }
  EXPECT_EQ(DivideChannels({5, 0, 0}, 2, 8), (std::vector<int>{0, 2, 3}));
}

TEST(MemoryTest, BuffersOfOverlappingLifetimesDoNotOverlap) {
  const std::vector<BufferRequest> requests = {{100, 0, 1}, {7, 0, 3},  {0, 1, 1},  {500, 1, 2},
                                               {33, 2, 3},  {90, 3, 3}, {16, 4, 4}, {500, 3, 4}};
  const ArenaLayout layout = PlanMemory(requests);
  size_t sum = 0;
  for (size_t a = 0; a < requests.size(); ++a) {
    EXPECT_EQ(layout.offsets[a] % 16, 0u);
    EXPECT_LE(layout.offsets[a] + requests[a].floats, layout.floats);
    sum += requests[a].floats;
    for (size_t b = 0; b < a; ++b) {
      if (requests[a].first > requests[b].last) continue;
      if (requests[b].first > requests[a].last) continue;
      const bool apart = layout.offsets[a] + requests[a].floats <= layout.offsets[b] ||
                         layout.offsets[b] + requests[b].floats <= layout.offsets[a];
      EXPECT_TRUE(apart) << a << " and " << b;
    }
  }
  EXPECT_LT(layout.floats, sum);
}

TEST(ShapesTest, InfersAndChecks) {
  ConvShape shape;
  Dims output;
  LayerAttributes conv = Pointwise(8, 16, 4);
  ASSERT_TRUE(InferShape(conv, {2, 5, 6, 8}, &shape, &output).ok());
  EXPECT_EQ(output, (Dims{2, 5, 6, 16}));
  EXPECT_THAT(InferShape(conv, {2, 5, 6, 7}, &shape, &output).message(), HasSubstr("[2, 5, 6, 7]"));
  EXPECT_FALSE(InferShape(conv, {5, 6, 8}, &shape, &output).ok());
  EXPECT_FALSE(InferShape(conv, {0, 5, 6, 8}, &shape, &output).ok());

  LayerAttributes dense = Pointwise(8, 16, 4);
  dense.kind = OpKind::kFullyConnected;
  ASSERT_TRUE(InferShape(dense, {3, 4, 8}, &shape, &output).ok());
  EXPECT_EQ(output, (Dims{12, 16}));
  ASSERT_TRUE(InferShape(dense, {3, 16}, &shape, &output).ok());
  EXPECT_EQ(output, (Dims{6, 16}));
  EXPECT_FALSE(InferShape(dense, {3, 3}, &shape, &output).ok());
  EXPECT_FALSE(InferShape(dense, {0, 8}, &shape, &output).ok());
  dense.keep_num_dims = true;
  ASSERT_TRUE(InferShape(dense, {3, 4, 8}, &shape, &output).ok());
  EXPECT_EQ(output, (Dims{3, 4, 16}));
  EXPECT_FALSE(InferShape(dense, {3, 16}, &shape, &output).ok());
}

// input -> 3x3 -> internal -> 1x1 -> internal -> 3x3 -> output.
TEST(PlanTest, RunsAChainThroughItsArena) {
  LayerAttributes first = Pointwise(8, 24, 4);
  first.kernel_h = first.kernel_w = 3;
  first.padding = Padding::kSame;
  LayerAttributes last = first;
  last.in_channels = 12;
  const TestLayer layers[3] = {MakeTestLayer(first, 0.3, true, 1),
                               MakeTestLayer(Pointwise(24, 12, 2), 0.3, true, 2),
                               MakeTestLayer(last, 0.3, true, 3)};
  Graph graph;
  graph.tensors = {{Storage::kInput, 0},
                   {Storage::kInternal, 1},
                   {Storage::kInternal, 2},
                   {Storage::kOutput, 3}};
  for (int i = 0; i < 3; ++i) {
    graph.ops.push_back({"layer", layers[i].Read(), i, i + 1});
  }
  std::vector<float> input(2 * 6 * 5 * 8);
  for (size_t i = 0; i < input.size(); ++i) {
    input[i] = static_cast<float>(static_cast<int>(i * 29 % 97) - 48) / 48.0f;
  }

  std::vector<std::vector<float>> outputs;
  for (const PlanOptions& options : {PlanOptions{nullptr, 1}, PlanOptions{&BestKernelFamily(), 1},
                                     PlanOptions{&BestKernelFamily(), 3}}) {
    std::vector<Dims> dims = {{2, 6, 5, 8}, {}, {}, {}};
    std::unique_ptr<Plan> plan;
    ASSERT_TRUE(Plan::Make(graph, options, &dims, &plan).ok());
    EXPECT_EQ(dims[3], (Dims{2, 6, 5, 24}));
    EXPECT_GT(plan->arena_bytes(), 0u);
    ThreadPool pool(options.threads);
    std::vector<float> output(2 * 6 * 5 * 24);
    std::vector<float*> memory = {input.data(), nullptr, nullptr, output.data()};
    plan->Run(&memory, &pool);
    outputs.push_back(output);
  }
  EXPECT_EQ(outputs[1], outputs[2]);
  for (size_t i = 0; i < outputs[0].size(); ++i) {
    ASSERT_NEAR(outputs[0][i], outputs[1][i], 1e-5 * std::max(100.0f, std::abs(outputs[0][i])));
  }
}

TEST(PlanTest, NamesTheLayerThatDoesNotFit) {
  const TestLayer layer = MakeTestLayer(Pointwise(8, 24, 4), 0.3, true, 1);
  Graph graph;
  graph.tensors = {{Storage::kInput, 0}, {Storage::kOutput, 1}};
  graph.ops.push_back({"UbpConv2D 'expand'", layer.Read(), 0, 1});
  std::vector<Dims> dims = {{1, 4, 4, 9}, {}};
  std::unique_ptr<Plan> plan;
  const Status status = Plan::Make(graph, PlanOptions(), &dims, &plan);
  EXPECT_THAT(status.message(), HasSubstr("UbpConv2D 'expand'"));
}

}  // namespace
}  // namespace ubp
