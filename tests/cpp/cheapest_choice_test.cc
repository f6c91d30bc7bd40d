// SPDX-License-Identifier: Apache-2.0
// Cuts and choices against all that there are, on small random graphs; nothing is timed.

#include "delegate/backend/cheapest_choice.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "delegate/backend/min_cut.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

using ::testing::ElementsAre;

// ---- MinCut ------------------------------------------------------------------------------------

struct Pair {
  int first;
  int second;
  double cost;
};

struct Division {
  std::vector<double> first;  // by thing
  std::vector<double> second;
  std::vector<Pair> pairs;

  double Cost(const std::vector<bool>& on_first) const {
    double cost = 0.0;
    for (size_t i = 0; i < first.size(); ++i) cost += on_first[i] ? first[i] : second[i];
    for (const Pair& pair : pairs) {
      if (on_first[pair.first] && !on_first[pair.second]) cost += pair.cost;
    }
    return cost;
  }
};

std::vector<bool> Bits(unsigned bits, size_t count) {
  std::vector<bool> choice(count);
  for (size_t i = 0; i < count; ++i) choice[i] = (bits >> i & 1u) != 0;
  return choice;
}

// Whole numbers, so that sums are exact.
Division RandomDivision(std::mt19937* random) {
  const int things = std::uniform_int_distribution(1, 9)(*random);
  std::uniform_int_distribution<int> cost(0, 20);
  std::uniform_int_distribution<int> thing(0, things - 1);
  Division division;
  for (int i = 0; i < things; ++i) {
    division.first.push_back(cost(*random));
    division.second.push_back(cost(*random));
  }
  const int pairs = std::uniform_int_distribution(0, 3 * things)(*random);
  for (int i = 0; i < pairs; ++i) {
    division.pairs.push_back({thing(*random), thing(*random), double(cost(*random))});
  }
  return division;
}

TEST(MinCutTest, FindsTheCheapestOfAllDivisions) {
  std::mt19937 random(1);
  for (int run = 0; run < 500; ++run) {
    const Division division = RandomDivision(&random);
    const size_t things = division.first.size();
    MinCut cut(static_cast<int>(things));
    for (size_t i = 0; i < things; ++i) {
      cut.AddFirst(static_cast<int>(i), division.first[i]);
      cut.AddSecond(static_cast<int>(i), division.second[i]);
    }
    for (const Pair& pair : division.pairs) cut.AddPair(pair.first, pair.second, pair.cost);
    double least = std::numeric_limits<double>::infinity();
    for (unsigned bits = 0; bits < 1u << things; ++bits) {
      least = std::min(least, division.Cost(Bits(bits, things)));
    }
    EXPECT_EQ(division.Cost(cut.Solve()), least) << "run " << run;
  }
}

TEST(MinCutTest, NeverPaysWhatMustNotBePaid) {
  MinCut cut(3);
  cut.AddFirst(0, MinCut::kNever);
  cut.AddSecond(2, MinCut::kNever);
  cut.AddPair(2, 1, 5.0);
  cut.AddPair(1, 0, 3.0);
  EXPECT_THAT(cut.Solve(), ElementsAre(false, true, true));
}

// ---- graphs ------------------------------------------------------------------------------------

int AddTensor(CostGraph* graph, double to_planes, double to_image) {
  CostTensor tensor;
  tensor.to_planes = to_planes;
  tensor.to_image = to_image;
  graph->tensors.push_back(tensor);
  return static_cast<int>(graph->tensors.size()) - 1;
}

// A node that can be taken and reads `inputs`; returns what it writes.
int AddNode(CostGraph* graph, Layouts layouts, double taken, double left, std::vector<int> inputs) {
  CostNode node;
  node.can_take = true;
  node.layouts = layouts;
  node.taken = taken;
  node.left = left;
  node.inputs = std::move(inputs);
  node.outputs = {AddTensor(graph, 10.0, 10.0)};
  graph->nodes.push_back(node);
  return node.outputs[0];
}

int AddSparse(CostGraph* graph, int input) {
  const int output = AddNode(graph, Layouts::kEither, 20.0, 100.0, {input});
  graph->nodes.back().has_blocks = graph->nodes.back().sparse = true;
  graph->nodes.back().from_image = 4.0;
  graph->nodes.back().image_to_planes = 4.0;
  return output;
}

int AddForeign(CostGraph* graph, int input) {
  const int output = AddNode(graph, Layouts::kEither, 0.0, 5.0, {input});
  graph->nodes.back().can_take = false;
  return output;
}

void MarkResults(CostGraph* graph) {
  const std::vector<std::vector<int>> readers = ReadersOf(*graph);
  for (size_t t = 0; t < readers.size(); ++t) graph->tensors[t].is_result = readers[t].empty();
}

// Chains with skips, of which a third of the nodes cannot be taken.
CostGraph RandomGraph(std::mt19937* random) {
  CostGraph graph;
  graph.part = 2.0;
  graph.taken_part = 3.0;
  AddTensor(&graph, 10.0, 10.0);
  const int nodes = std::uniform_int_distribution(2, 10)(*random);
  std::uniform_int_distribution<int> costs(0, 60);
  std::uniform_int_distribution<int> kind(0, 9);
  const auto add = [&](Layouts layouts, const std::vector<int>& inputs) {
    // One after the other: the order in which arguments are computed is the compiler's.
    const int taken = costs(*random);
    const int left = costs(*random);
    AddNode(&graph, layouts, taken, left, inputs);
  };
  for (int i = 0; i < nodes; ++i) {
    const int last = static_cast<int>(graph.tensors.size()) - 1;
    std::vector<int> inputs = {last};
    const int other = std::uniform_int_distribution(0, last)(*random);
    if (kind(*random) < 4 && other != last) inputs.push_back(other);
    switch (kind(*random)) {
      case 0:
      case 1:
        AddForeign(&graph, last);
        break;
      case 2:
      case 3:
      case 4:
        AddSparse(&graph, last);
        graph.nodes.back().must_take = kind(*random) < 2;
        break;
      case 5:
      case 6:
        add(Layouts::kFollows, inputs);
        break;
      case 7:
        add(Layouts::kNhwc, {last});
        break;
      case 8:
        add(kind(*random) < 5 ? Layouts::kSpreads : Layouts::kReduces, {last});
        break;
      default:
        add(Layouts::kPlanes, {last});
    }
    if (kind(*random) < 3 && i > 0 && graph.nodes[i].inputs[0] > 0) {
      graph.nodes[i].host = i - 1;
      graph.nodes[i].taken_alone = costs(*random);
      graph.nodes[i].left_alone = costs(*random);
    }
  }
  MarkResults(&graph);
  return graph;
}

bool HasSparse(const CostGraph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const CostNode& node) { return node.sparse; });
}

// Without what lies in stretches that have no block-sparse layer.
Choice WithinStretches(const CostGraph& graph, Choice choice) {
  const std::vector<int> stretches = StretchesOf(graph);
  for (size_t i = 0; i < choice.size(); ++i) {
    bool near = false;
    for (size_t k = 0; k < choice.size(); ++k) {
      near = near || (graph.nodes[k].sparse && stretches[k] == stretches[i]);
    }
    choice[i] = choice[i] && near;
  }
  return choice;
}

double LeastCost(const CostGraph& graph) {
  const size_t nodes = graph.nodes.size();
  double least = std::numeric_limits<double>::infinity();
  for (unsigned bits = 0; bits < 1u << nodes; ++bits) {
    const Choice choice = Bits(bits, nodes);
    bool allowed = true;
    for (size_t i = 0; i < nodes; ++i) {
      if (choice[i] ? !graph.nodes[i].can_take : graph.nodes[i].must_take) allowed = false;
    }
    if (allowed && choice == WithinStretches(graph, choice)) {
      least = std::min(least, CostOf(graph, choice));
    }
  }
  return least;
}

TEST(CheapestChoiceTest, IsNoDearerThanNothingSparseLayersOrAll) {
  std::mt19937 random(2);
  for (int run = 0; run < 2000; ++run) {
    const CostGraph graph = RandomGraph(&random);
    const Choice choice = CheapestChoice(graph);
    for (size_t i = 0; i < choice.size(); ++i) {
      EXPECT_TRUE(choice[i] ? graph.nodes[i].can_take : !graph.nodes[i].must_take);
    }
    const double cost = CostOf(graph, choice);
    EXPECT_LE(cost, CostOf(graph, LeastChoice(graph))) << "run " << run;
    EXPECT_LE(cost, CostOf(graph, SparseChoice(graph))) << "run " << run;
    EXPECT_LE(cost, CostOf(graph, WithinStretches(graph, FullChoice(graph)))) << "run " << run;
  }
}

// A convolution makes planes of an image only for what reads its planes, not for what is part of it.
TEST(CostOfTest, AFusedNodeReadsNoPlanes) {
  CostGraph graph;
  AddTensor(&graph, 10.0, 10.0);
  const int sparse = AddSparse(&graph, 0);
  AddNode(&graph, Layouts::kFollows, 0.0, 0.0, {sparse});
  MarkResults(&graph);
  const double apart = CostOf(graph, {true, true});
  graph.nodes[1].host = 0;
  EXPECT_EQ(CostOf(graph, {true, true}), apart - graph.nodes[0].image_to_planes);
}

// Whoever makes a model says how many nodes are fused with one: no stack holds a million calls.
TEST(CostOfTest, AnyNumberOfNodesMayBeFusedOneIntoTheOther) {
  constexpr int kNodes = 1000000;
  CostGraph graph;
  AddTensor(&graph, 10.0, 10.0);
  int last = AddSparse(&graph, 0);
  for (int i = 0; i < kNodes; ++i) {
    last = AddNode(&graph, Layouts::kFollows, 0.0, 0.0, {last});
    graph.nodes.back().host = i;
  }
  MarkResults(&graph);
  const double fused = CostOf(graph, Choice(graph.nodes.size(), true));
  graph.nodes.back().host = -1;  // the planes that the node before makes are for it
  EXPECT_EQ(CostOf(graph, Choice(graph.nodes.size(), true)),
            fused + graph.nodes[0].image_to_planes);
}

TEST(ClearlyCheapestChoiceTest, IsAPlainChoiceUnlessTheCheapestIsClearlyCheaper) {
  constexpr double kGain = 1.2;
  std::mt19937 random(4);
  int least_chosen = 0, plain_chosen = 0, cheapest_chosen = 0;
  for (int run = 0; run < 2000; ++run) {
    const CostGraph graph = RandomGraph(&random);
    const Choice choice = ClearlyCheapestChoice(graph, kGain);
    const double cost = CostOf(graph, choice);
    const Choice least = LeastChoice(graph);
    if (choice == least) {
      ++least_chosen;
      continue;
    }
    EXPECT_GE(CostOf(graph, least), kGain * cost) << "run " << run;
    const Choice sparse = SparseChoice(graph);
    const Choice full = WithinStretches(graph, FullChoice(graph));
    const double plain = std::min(CostOf(graph, sparse), CostOf(graph, full));
    if (choice == sparse || choice == full) {
      EXPECT_EQ(cost, plain) << "run " << run;
      EXPECT_LT(cost, kGain * CostOf(graph, CheapestChoice(graph)) + 1e-9) << "run " << run;
      ++plain_chosen;
    } else {
      EXPECT_EQ(choice, CheapestChoice(graph)) << "run " << run;
      EXPECT_GE(plain, kGain * cost) << "run " << run;
      ++cheapest_chosen;
    }
  }
  EXPECT_GT(std::min({least_chosen, plain_chosen, cheapest_chosen}), 100);
}

TEST(CheapestChoiceTest, IsTheCheapestOfNearlyAllSmallGraphs) {
  std::mt19937 random(3);
  int graphs = 0;
  int cheapest = 0;
  double more = 0.0;
  for (int run = 0; run < 1000; ++run) {
    const CostGraph graph = RandomGraph(&random);
    if (!HasSparse(graph)) continue;
    const double least = LeastCost(graph);
    const double cost = CostOf(graph, CheapestChoice(graph));
    ++graphs;
    cheapest += cost <= least + 1e-9 ? 1 : 0;
    more = std::max(more, cost / least - 1.0);
  }
  EXPECT_GE(cheapest, graphs * 19 / 20) << "of " << graphs;
  EXPECT_LT(more, 0.25);
}

}  // namespace
}  // namespace ubp
